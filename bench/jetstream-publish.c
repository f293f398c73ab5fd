// Publishers of JetStream that wait for acknowledgements: server CPU per message, acknowledgements per second and how long
// the slowest hundredth waited.
// usage: jetstream-publish PORT PID STORAGE PUBLISHERS STREAMS IN_FLIGHT MESSAGES_PER_PUBLISHER PAYLOAD_BYTES
// A publisher has IN_FLIGHT messages on the way, each with a reply subject of its own, as clients' have; number i goes to
// stream i modulo STREAMS, and the next one follows its acknowledgement.
#include "jetstream.h"
#include <pthread.h>

enum { READ_BYTES = 256 * 1024, MOST_THREADS = 64, HEAD_BYTES = 160, MOST_IN_FLIGHT = 9999 };

static int port, publishers, streams, in_flight, payload_bytes;
static long messages;
static float *waits_us;
static pthread_barrier_t ready;

struct publisher {
  long id, sent, acked;
  char *out;
  size_t out_bytes;
  double *sent_at;
};

static void put_message(struct publisher *p, int slot) {
  char *at = p->out + p->out_bytes;
  at += sprintf(at, "PUB bench.js%d _INBOX.publisher%ld.%04d%08ld %d\r\n", slot % streams, p->id, slot, p->sent++, payload_bytes);
  memset(at, 'x', (size_t)payload_bytes);
  memcpy(at + payload_bytes, "\r\n", 2);
  p->out_bytes = (size_t)(at - p->out) + (size_t)payload_bytes + 2;
  p->sent_at[slot] = now_seconds();
}

// Takes one acknowledgement, "MSG subject sid size CR LF body CR LF", or a PING; returns its bytes, 0 when it is not whole.
static size_t take_ack(struct publisher *p, char *at, size_t length) {
  char *line_end = memchr(at, '\n', length);
  if (line_end && *at == 'P') {
    memcpy(p->out + p->out_bytes, "PONG\r\n", 6);
    p->out_bytes += 6;
    return (size_t)(line_end + 1 - at);
  }
  char *end = line_end ? memchr(line_end + 1, '\n', length - (size_t)(line_end + 1 - at)) : NULL;
  if (!end) return 0;
  *end = 0;
  char *token = strncmp(at, "MSG _INBOX.", 11) ? NULL : strchr(at + 11, '.');
  if (!token || strstr(line_end, "\"error\"")) {
    fprintf(stderr, "not acknowledged: %s\n", at);
    exit(1);
  }
  char digits[5] = {0};
  memcpy(digits, token + 1, 4);
  int slot = atoi(digits);
  waits_us[p->id * messages + p->acked++] = (float)((now_seconds() - p->sent_at[slot]) * 1e6);
  if (p->sent < messages) put_message(p, slot);
  return (size_t)(end + 1 - at);
}

static void *publish(void *argument) {
  struct publisher p = {.id = (long)argument};
  p.out = malloc((size_t)(in_flight + 1) * (size_t)(payload_bytes + HEAD_BYTES));
  p.sent_at = calloc((size_t)in_flight, sizeof(double));
  char *in = malloc(READ_BYTES);
  size_t have = 0;
  int s = connect_to(port, 0);
  int length = snprintf(in, READ_BYTES, "SUB _INBOX.publisher%ld.* 1\r\n", p.id);
  send_all(s, in, (size_t)length);
  flush(s);
  pthread_barrier_wait(&ready);
  for (int slot = 0; slot < in_flight && p.sent < messages; slot++) put_message(&p, slot);
  while (p.acked < messages) {
    send_all(s, p.out, p.out_bytes);
    p.out_bytes = 0;
    ssize_t got = read(s, in + have, READ_BYTES - have);
    if (got <= 0) die("publisher: connection closed");
    have += (size_t)got;
    size_t used = 0;
    for (size_t bytes; (bytes = take_ack(&p, in + used, have - used)) > 0;) used += bytes;
    memmove(in, in + used, have -= used);
  }
  close(s);
  free(p.out);
  free(p.sent_at);
  free(in);
  return NULL;
}

static int by_size(const void *a, const void *b) {
  float left = *(const float *)a, right = *(const float *)b;
  return (left > right) - (left < right);
}

int main(int count, char **words) {
  if (count != 9) {
    fprintf(stderr, "usage: jetstream-publish PORT PID STORAGE PUBLISHERS STREAMS IN_FLIGHT MESSAGES_PER_PUBLISHER PAYLOAD_BYTES\n");
    return 2;
  }
  port = atoi(words[1]);
  int pid = atoi(words[2]);
  const char *storage = words[3];
  publishers = atoi(words[4]);
  streams = atoi(words[5]);
  in_flight = atoi(words[6]);
  messages = atol(words[7]);
  payload_bytes = atoi(words[8]);
  if (publishers > MOST_THREADS || in_flight > MOST_IN_FLIGHT || streams > in_flight) return 2;
  long total = publishers * messages;
  waits_us = malloc((size_t)total * sizeof(float));

  int control = connect_to(port, 0);
  for (int i = 0; i < streams; i++) js_stream(control, i, storage);
  pthread_t threads[MOST_THREADS];
  pthread_barrier_init(&ready, NULL, (unsigned)publishers + 1);
  for (long i = 0; i < publishers; i++) pthread_create(&threads[i], NULL, publish, (void *)i);
  pthread_barrier_wait(&ready);
  double cpu = cpu_seconds(pid), started = now_seconds();
  for (int i = 0; i < publishers; i++) pthread_join(threads[i], NULL);
  double seconds = now_seconds() - started;
  cpu = cpu_seconds(pid) - cpu;
  // Many streams are used again by the next round: making and removing them takes longer than the load.
  if (streams == 1) js_delete_stream(control, 0);

  qsort(waits_us, (size_t)total, sizeof(float), by_size);
  printf("{\"cpuNs\": %.1f, \"perSecond\": %.0f, \"p99Us\": %.0f}\n", cpu * 1e9 / (double)total, (double)total / seconds,
         (double)waits_us[total * 99 / 100]);
}
