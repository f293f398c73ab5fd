// Requests and replies, one outstanding per pair of connections: server CPU per request, requests per second, latencies.
// usage: request PORT PID PAIRS REQUESTS
#include "nats.h"
#include <sys/epoll.h>

#define PAYLOAD "0123456789abcdef"

struct pair {
  int requester, responder;
  double sent_at;
};

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int subscribed(int port, const char *prefix, int id) {
  int s = connect_to(port, 0);
  char text[64];
  int length = snprintf(text, sizeof text, "SUB %s.%d 1\r\n", prefix, id);
  send_all(s, text, (size_t)length);
  flush(s);
  return s;
}

static void ask(struct pair *pair, int id) {
  char text[128];
  int length = snprintf(text, sizeof text, "PUB svc.%d inbox.%d 16\r\n" PAYLOAD "\r\n", id, id);
  pair->sent_at = now_seconds();
  send_all(pair->requester, text, (size_t)length);
}

static void answer(struct pair *pair, int id) {
  char text[128];
  int length = snprintf(text, sizeof text, "PUB inbox.%d 16\r\n" PAYLOAD "\r\n", id);
  send_all(pair->responder, text, (size_t)length);
}

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "usage: request PORT PID PAIRS REQUESTS\n");
    return 2;
  }
  int port = atoi(words[1]), pid = atoi(words[2]), pairs = atoi(words[3]);
  long total = atol(words[4]), sent = 0, done = 0;
  struct pair *all = calloc((size_t)pairs, sizeof *all);
  double *latencies = malloc((size_t)total * sizeof *latencies);
  int poll = epoll_create1(0);
  for (int i = 0; i < pairs; i++) {
    all[i].requester = subscribed(port, "inbox", i);
    all[i].responder = subscribed(port, "svc", i);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (unsigned long)i * 2};
    epoll_ctl(poll, EPOLL_CTL_ADD, all[i].requester, &event);
    event.data.u64++;
    epoll_ctl(poll, EPOLL_CTL_ADD, all[i].responder, &event);
  }

  double cpu = cpu_seconds(pid), started = now_seconds();
  for (int i = 0; i < pairs && sent < total; i++, sent++) ask(&all[i], i);
  while (done < total) {
    struct epoll_event events[256];
    int ready = epoll_wait(poll, events, 256, 5000);
    if (ready <= 0) {
      fprintf(stderr, "nothing for 5 s after %ld of %ld requests\n", done, total);
      return 1;
    }
    for (int k = 0; k < ready; k++) {
      int id = (int)(events[k].data.u64 / 2), is_responder = events[k].data.u64 & 1;
      char text[4096];
      // With one request outstanding, and all of it in one small packet, one read is one message.
      if (read(is_responder ? all[id].responder : all[id].requester, text, sizeof text) <= 0) die("connection closed");
      if (is_responder) {
        answer(&all[id], id);
        continue;
      }
      latencies[done++] = now_seconds() - all[id].sent_at;
      if (sent < total) {
        ask(&all[id], id);
        sent++;
      }
    }
  }
  double seconds = now_seconds() - started;
  cpu = cpu_seconds(pid) - cpu;
  qsort(latencies, (size_t)total, sizeof *latencies, by_value);
  printf("{\"cpuNs\": %.1f, \"perSecond\": %.0f, \"p50Us\": %.0f, \"p99Us\": %.0f}\n", cpu * 1e9 / (double)total,
         (double)total / seconds, latencies[total / 2] * 1e6, latencies[total * 99 / 100] * 1e6);
}
