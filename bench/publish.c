// Publishers and subscribers at full speed: server CPU per message (in and out) and messages per second.
// usage: publish PORT[,PORT] PID[,PID...] PUBLISHERS SUBSCRIBERS MESSAGES_PER_PUBLISHER PAYLOAD_BYTES SUBJECTS [PREFIX]
// With two ports, subscribers use the second: messages cross from one server to another, and CPU is that of all servers.
// Publisher i and subscriber i use subject number i modulo SUBJECTS; subscribers under PREFIX ("bench"), where the server may
// map it to. A publisher writes 64 KB at a time.
#include "nats.h"
#include <pthread.h>

enum { BATCH_BYTES = 64 * 1024, READ_BYTES = 1 << 20, MOST_THREADS = 256 };

static int port, subscriber_port, publishers, subscribers, payload_bytes, subjects;
static long messages;
static const char *prefix = "bench";
static pthread_barrier_t ready;

static void *publish(void *argument) {
  long id = (long)argument;
  int s = connect_to(port, 0);
  char head[128];
  int head_bytes = snprintf(head, sizeof head, "PUB bench.s%ld %d\r\n", id % subjects, payload_bytes);
  long message_bytes = head_bytes + payload_bytes + 2;
  long per_batch = BATCH_BYTES / message_bytes > 0 ? BATCH_BYTES / message_bytes : 1;
  char *batch = malloc((size_t)(per_batch * message_bytes));
  for (long i = 0; i < per_batch; i++) {
    char *at = batch + i * message_bytes;
    memcpy(at, head, (size_t)head_bytes);
    memset(at + head_bytes, 'x', (size_t)payload_bytes);
    memcpy(at + head_bytes + payload_bytes, "\r\n", 2);
  }
  pthread_barrier_wait(&ready);
  for (long left = messages; left > 0;) {
    long count = left < per_batch ? left : per_batch;
    send_all(s, batch, (size_t)(count * message_bytes));
    left -= count;
  }
  flush(s);
  close(s);
  free(batch);
  return NULL;
}

// Waits until the publishers' server knows what was subscribed so far: interest crosses in order.
static void await_interest(long id) {
  int probe = connect_to(subscriber_port, 0), s = connect_to(port, 0);
  char text[128];
  int length = snprintf(text, sizeof text, "SUB ready.%ld 1\r\n", id);
  send_all(probe, text, (size_t)length);
  flush(probe);
  length = snprintf(text, sizeof text, "PUB ready.%ld 0\r\n\r\n", id);
  struct timeval patience = {0, 50000};
  setsockopt(probe, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  char answer[256];
  ssize_t count;
  // A PING may come first.
  do {
    send_all(s, text, (size_t)length);
    count = read(probe, answer, sizeof answer - 1);
    answer[count > 0 ? count : 0] = '\0';
  } while (strstr(answer, "MSG ") == NULL);
  close(probe);
  close(s);
}

static void *subscribe(void *argument) {
  long id = (long)argument;
  int s = connect_to(subscriber_port, 0);
  char text[128];
  int length = snprintf(text, sizeof text, "SUB %s.s%ld 1\r\n", prefix, id % subjects);
  send_all(s, text, (size_t)length);
  flush(s);
  if (subscriber_port != port) await_interest(id);
  long senders = 0;
  for (int i = 0; i < publishers; i++) senders += i % subjects == id % subjects;
  int head_bytes = snprintf(text, sizeof text, "MSG %s.s%ld 1 %d\r\n", prefix, id % subjects, payload_bytes);
  long left = senders * messages * (head_bytes + payload_bytes + 2);
  char *buffer = malloc(READ_BYTES);
  pthread_barrier_wait(&ready);
  while (left > 0) {
    ssize_t got = read(s, buffer, READ_BYTES);
    if (got <= 0) die("subscriber: connection closed");
    left -= got;
  }
  close(s);
  free(buffer);
  return NULL;
}

int main(int count, char **words) {
  if (count != 8 && count != 9) {
    fprintf(stderr, "usage: publish PORT[,PORT] PID[,PID...] PUBLISHERS SUBSCRIBERS MESSAGES_PER_PUBLISHER PAYLOAD_BYTES SUBJECTS [PREFIX]\n");
    return 2;
  }
  port = atoi(words[1]);
  subscriber_port = strchr(words[1], ',') ? atoi(strchr(words[1], ',') + 1) : port;
  const char *pids = words[2];
  publishers = atoi(words[3]);
  subscribers = atoi(words[4]);
  messages = atol(words[5]);
  payload_bytes = atoi(words[6]);
  subjects = atoi(words[7]);
  if (count == 9) prefix = words[8];
  if (publishers + subscribers > MOST_THREADS) return 2;

  pthread_t threads[MOST_THREADS];
  pthread_barrier_init(&ready, NULL, (unsigned)(publishers + subscribers + 1));
  for (long i = 0; i < subscribers; i++) pthread_create(&threads[i], NULL, subscribe, (void *)i);
  for (long i = 0; i < publishers; i++) pthread_create(&threads[subscribers + i], NULL, publish, (void *)i);
  pthread_barrier_wait(&ready);
  double cpu = cpu_seconds_of(pids), started = now_seconds();
  for (int i = 0; i < publishers + subscribers; i++) pthread_join(threads[i], NULL);
  double seconds = now_seconds() - started;
  cpu = cpu_seconds_of(pids) - cpu;

  double total = (double)publishers * (double)messages;
  for (int s = 0; s < subscribers; s++)
    for (int p = 0; p < publishers; p++)
      if (p % subjects == s % subjects) total += (double)messages;
  printf("{\"cpuNs\": %.1f, \"perSecond\": %.0f}\n", cpu * 1e9 / total, total / seconds);
}
