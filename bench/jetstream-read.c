// A client that reads a stream of JetStream: server CPU per message and messages per second.
// usage: jetstream-read PORT PID MODE STORAGE MESSAGES PAYLOAD_BYTES IN_FLIGHT BATCH
// MODE pull: IN_FLIGHT requests of a pull consumer for BATCH messages each are on the way, every message is acknowledged, and
// the last acknowledgement is answered. MODE get: IN_FLIGHT direct gets are on the way, by sequence, in order; MODE scatter: all over the
// stream, for a tenth of the messages.
#include "jetstream.h"

enum { READ_BYTES = 512 * 1024, OUT_BYTES = 1024 * 1024, CHUNK = 500 };

static long messages, wanted, batch, asked, taken;
static int is_pull, is_scattered;
static char *out;
static size_t out_bytes;
static char last_ack[256];

static void fill(int socket, int payload_bytes) {
  char *body = malloc((size_t)payload_bytes + 1);
  memset(body, 'x', (size_t)payload_bytes);
  body[payload_bytes] = 0;
  for (long i = 1; i <= messages; i++) {
    // Every so many messages, the acknowledgement of one is awaited.
    if (i % CHUNK == 0 || i == messages) {
      send_all(socket, out, out_bytes);
      out_bytes = 0;
      js_request(socket, "bench.js0", body);
    } else out_bytes += (size_t)sprintf(out + out_bytes, "PUB bench.js0 %d\r\n%s\r\n", payload_bytes, body);
  }
  free(body);
}

static void ask(void) {
  char body[80];
  char subject[80];
  if (is_pull) {
    snprintf(subject, sizeof subject, "CONSUMER.MSG.NEXT.BENCH0.C");
    snprintf(body, sizeof body, "{\"batch\":%ld,\"expires\":30000000000}", batch);
  } else {
    snprintf(subject, sizeof subject, "DIRECT.GET.BENCH0");
    // Steps of a prime number come by everywhere.
    long sequence = is_scattered ? asked * 7368787 % messages + 1 : asked + 1;
    snprintf(body, sizeof body, "{\"seq\":%ld}", sequence);
  }
  out_bytes += (size_t)sprintf(out + out_bytes, "PUB $JS.API.%s _INBOX.read.%ld %zu\r\n%s\r\n", subject, asked++,
                               strlen(body), body);
}

// Takes one message, "MSG subject sid reply size" or "HMSG subject sid header-size size", or a PING; returns its bytes, 0 when
// it is not whole.
static size_t take(char *at, size_t length) {
  char *line_end = memchr(at, '\n', length);
  if (!line_end) return 0;
  if (at[0] == 'P') {
    out_bytes += (size_t)sprintf(out + out_bytes, "PONG\r\n");
    return (size_t)(line_end + 1 - at);
  }
  char reply[256];
  size_t size;
  *line_end = 0;
  int is_message = sscanf(at, is_pull ? "MSG %*s %*s %255s %zu" : "HMSG %*s %*s %255s %zu", reply, &size) == 2;
  *line_end = '\n';
  if (!is_message) {
    fprintf(stderr, "no message: %.*s\n", (int)(length < 300 ? length : 300), at);
    exit(1);
  }
  size_t bytes = (size_t)(line_end + 1 - at) + size + 2;
  if (bytes > length) return 0;
  if (!is_pull && strstr(line_end, "NATS/1.0\r") != line_end + 1) die("not found");
  taken++;
  if (!is_pull) {
    if (asked < wanted) ask();
    return bytes;
  }
  if (taken == wanted) strcpy(last_ack, reply);
  else out_bytes += (size_t)sprintf(out + out_bytes, "PUB %s 4\r\n+ACK\r\n", reply);
  if (taken % batch == 0 && asked * batch < wanted) ask();
  return bytes;
}

int main(int count, char **words) {
  if (count != 9) {
    fprintf(stderr, "usage: jetstream-read PORT PID MODE STORAGE MESSAGES PAYLOAD_BYTES IN_FLIGHT BATCH\n");
    return 2;
  }
  int port = atoi(words[1]), pid = atoi(words[2]), in_flight = atoi(words[7]);
  is_pull = strcmp(words[3], "pull") == 0;
  is_scattered = strcmp(words[3], "scatter") == 0;
  messages = atol(words[5]);
  wanted = is_scattered ? messages / 10 : messages;
  batch = atol(words[8]);
  out = malloc(OUT_BYTES);
  char *in = malloc(READ_BYTES);
  char body[512];
  int s = connect_to(port, 0);
  snprintf(body, sizeof body,
           "{\"name\":\"BENCH0\",\"subjects\":[\"bench.js0\"],\"storage\":\"%s\",\"num_replicas\":1,\"allow_direct\":true}",
           words[4]);
  js_request(s, "$JS.API.STREAM.CREATE.BENCH0", body);
  fill(s, atoi(words[6]));
  if (is_pull)
    js_request(s, "$JS.API.CONSUMER.DURABLE.CREATE.BENCH0.C",
               "{\"stream_name\":\"BENCH0\",\"config\":{\"durable_name\":\"C\",\"ack_policy\":\"explicit\"}}");
  const char *sub = "SUB _INBOX.read.* 1\r\n";
  send_all(s, sub, strlen(sub));
  flush(s);
  double cpu = cpu_seconds(pid), started = now_seconds();
  for (int i = 0; i < in_flight && (is_pull ? asked * batch : asked) < wanted; i++) ask();
  size_t have = 0;
  while (taken < wanted) {
    send_all(s, out, out_bytes);
    out_bytes = 0;
    ssize_t got = read(s, in + have, READ_BYTES - 1 - have);
    if (got <= 0) die("reader: connection closed");
    have += (size_t)got;
    in[have] = 0;
    size_t used = 0;
    for (size_t bytes; used < have && (bytes = take(in + used, have - used)) > 0;) used += bytes;
    memmove(in, in + used, have -= used);
  }
  send_all(s, out, out_bytes);
  if (is_pull) js_request(s, last_ack, "+ACK");
  double seconds = now_seconds() - started;
  cpu = cpu_seconds(pid) - cpu;
  js_delete_stream(s, 0);
  printf("{\"cpuNs\": %.1f, \"perSecond\": %.0f}\n", cpu * 1e9 / (double)wanted, (double)wanted / seconds);
}
