// What the load programs of JetStream share: requests to its API, and streams with one subject each.
#ifndef JETSTREAM_BENCH_H
#define JETSTREAM_BENCH_H
#include "nats.h"

enum { ANSWER_BYTES = 64 * 1024 };

// Sends a request and waits for its answer, which must not be an error; returns its payload, in a buffer of this function.
static inline const char *js_request(int socket, const char *subject, const char *body) {
  static char text[ANSWER_BYTES];
  int length = snprintf(text, sizeof text, "SUB _INBOX.request 9\r\nUNSUB 9 1\r\nPUB %s _INBOX.request %zu\r\n%s\r\n",
                        subject, strlen(body), body);
  send_all(socket, text, (size_t)length);
  size_t have = 0;
  char *payload = NULL;
  do {
    ssize_t got = read(socket, text + have, sizeof text - 1 - have);
    if (got <= 0) die("request: connection closed");
    text[have += (size_t)got] = 0;
    // The server's own PING may come before.
    char *line = strstr(text, "MSG _INBOX.request ");
    payload = line ? strstr(line, "\r\n") : NULL;
  } while (!payload || !strstr(payload + 2, "\r\n"));
  if (strstr(payload, "\"error\"")) {
    fprintf(stderr, "%s: %s\n", subject, payload);
    exit(1);
  }
  return payload + 2;
}

// Makes the stream BENCH<number> for the subject bench.js<number>, without messages.
static inline void js_stream(int socket, int number, const char *storage) {
  char subject[128], body[512];
  snprintf(subject, sizeof subject, "$JS.API.STREAM.CREATE.BENCH%d", number);
  snprintf(body, sizeof body, "{\"name\":\"BENCH%d\",\"subjects\":[\"bench.js%d\"],\"storage\":\"%s\",\"num_replicas\":1}",
           number, number, storage);
  js_request(socket, subject, body);
}

static inline void js_delete_stream(int socket, int number) {
  char subject[128];
  snprintf(subject, sizeof subject, "$JS.API.STREAM.DELETE.BENCH%d", number);
  js_request(socket, subject, "");
}
#endif
