// Publishers and subscribers over WebSocket at full speed: server CPU per message (in and out) and messages per second.
// usage: websocket PORT PID PUBLISHERS SUBSCRIBERS MESSAGES_PER_PUBLISHER PAYLOAD_BYTES KIND
// KIND is plain or deflate, where a publisher's frames have 32 KB of messages each, or single, where they have one message.
// Payloads are text that compresses about as well as JSON does.
#include "websocket.h"
#include <pthread.h>

enum { FRAME_BYTES = 32 * 1024, BATCH_BYTES = 64 * 1024, MOST_THREADS = 256 };

static int port, publishers, subscribers, payload_bytes, compress_, single;
static long messages;
static pthread_barrier_t ready;

static void fill_with_text(char *at, int bytes, unsigned *state) {
  static const char *words[] = {"\"temperature\":", "\"station\":", "\"reading\":", "true,", "null,", "\"2026-11-28T", "Z\",", "{\"id\":"};
  for (int i = 0; i < bytes;) {
    *state = *state * 1664525u + 1013904223u;
    char text[48];
    int length = snprintf(text, sizeof text, "%s%u", words[*state >> 29], (*state >> 8) % 100000);
    for (int j = 0; j < length && i < bytes; j++) at[i++] = text[j];
  }
}

// Frames that hold `count` messages, as they go over the wire.
static unsigned char *make_batch(long count, size_t *batch_bytes) {
  char head[64];
  int head_bytes = snprintf(head, sizeof head, "PUB bench.s0 %d\r\n", payload_bytes);
  size_t message_bytes = (size_t)(head_bytes + payload_bytes + 2);
  unsigned state = 1;
  char *text = malloc((size_t)count * message_bytes);
  for (long i = 0; i < count; i++) {
    char *at = text + (size_t)i * message_bytes;
    memcpy(at, head, (size_t)head_bytes);
    fill_with_text(at + head_bytes, payload_bytes, &state);
    memcpy(at + head_bytes + payload_bytes, "\r\n", 2);
  }
  long per_frame = single ? 1 : FRAME_BYTES / (long)message_bytes > 0 ? FRAME_BYTES / (long)message_bytes : 1;
  unsigned char *batch = malloc((size_t)count * (message_bytes + 14));
  *batch_bytes = 0;
  for (long i = 0; i < count; i += per_frame) {
    long in_frame = count - i < per_frame ? count - i : per_frame;
    char *from = text + (size_t)i * message_bytes;
    size_t length = (size_t)in_frame * message_bytes, frame_bytes;
    unsigned char *frame = compress_ ? ws_compressed_frame(from, length, &frame_bytes)
                                     : ws_frame(from, length, WS_FIN_BINARY, &frame_bytes);
    memcpy(batch + *batch_bytes, frame, frame_bytes);
    *batch_bytes += frame_bytes;
    free(frame);
  }
  free(text);
  return batch;
}

static void *publish(void *argument) {
  (void)argument;
  struct websocket ws = ws_connect(port, 0, compress_);
  long message_bytes = payload_bytes + 24;
  long per_batch = BATCH_BYTES / message_bytes > 0 ? BATCH_BYTES / message_bytes : 1;
  size_t batch_bytes, rest_bytes;
  unsigned char *batch = make_batch(per_batch, &batch_bytes);
  unsigned char *rest = make_batch(messages % per_batch, &rest_bytes);
  pthread_barrier_wait(&ready);
  for (long i = 0; i < messages / per_batch; i++) send_all(ws.socket, (char *)batch, batch_bytes);
  send_all(ws.socket, (char *)rest, rest_bytes);
  ws_flush(&ws);
  close(ws.socket);
  return NULL;
}

static void *subscribe(void *argument) {
  (void)argument;
  struct websocket ws = ws_connect(port, 0, compress_);
  const char *text = "SUB bench.s0 1\r\n";
  ws_send(&ws, text, strlen(text));
  ws_flush(&ws);
  char head[64];
  int head_bytes = snprintf(head, sizeof head, "MSG bench.s0 1 %d\r\n", payload_bytes);
  long left = publishers * messages * (head_bytes + payload_bytes + 2);
  pthread_barrier_wait(&ready);
  while (left > 0) {
    size_t length;
    ws_next(&ws, &length);
    left -= (long)length;
  }
  close(ws.socket);
  return NULL;
}

int main(int count, char **words) {
  if (count != 8) {
    fprintf(stderr, "usage: websocket PORT PID PUBLISHERS SUBSCRIBERS MESSAGES_PER_PUBLISHER PAYLOAD_BYTES KIND\n");
    return 2;
  }
  port = atoi(words[1]);
  int pid = atoi(words[2]);
  publishers = atoi(words[3]);
  subscribers = atoi(words[4]);
  messages = atol(words[5]);
  payload_bytes = atoi(words[6]);
  compress_ = !strcmp(words[7], "deflate");
  single = !strcmp(words[7], "single");
  if (publishers + subscribers > MOST_THREADS) return 2;

  pthread_t threads[MOST_THREADS];
  pthread_barrier_init(&ready, NULL, (unsigned)(publishers + subscribers + 1));
  for (long i = 0; i < subscribers; i++) pthread_create(&threads[i], NULL, subscribe, NULL);
  for (long i = 0; i < publishers; i++) pthread_create(&threads[subscribers + i], NULL, publish, NULL);
  pthread_barrier_wait(&ready);
  double cpu = cpu_seconds(pid), started = now_seconds();
  for (int i = 0; i < publishers + subscribers; i++) pthread_join(threads[i], NULL);
  double seconds = now_seconds() - started;
  cpu = cpu_seconds(pid) - cpu;

  double total = (double)publishers * (double)messages * (1 + subscribers);
  printf("{\"cpuNs\": %.1f, \"perSecond\": %.0f}\n", cpu * 1e9 / total, total / seconds);
}
