// Idle connections over WebSocket, each with one subscription: the server's memory per connection, and connects per second.
// usage: websocket-idle PORT PID CONNECTIONS KIND
// KIND is plain or deflate.
#include "websocket.h"
#include <sys/resource.h>

// Connections per loopback address, so that the ports of the client's side do not run out.
enum { PER_ADDRESS = 20000, SETTLE_SECONDS = 3 };

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "usage: websocket-idle PORT PID CONNECTIONS KIND\n");
    return 2;
  }
  int port = atoi(words[1]), pid = atoi(words[2]), connections = atoi(words[3]), deflates = !strcmp(words[4], "deflate");
  struct rlimit files = {(rlim_t)connections + 64, (rlim_t)connections + 64};
  if (setrlimit(RLIMIT_NOFILE, &files)) die("setrlimit");
  long before = resident_kb(pid);
  double started = now_seconds();
  for (int i = 0; i < connections; i++) {
    struct websocket ws = ws_connect(port, i / PER_ADDRESS, deflates);
    char text[64];
    int length = snprintf(text, sizeof text, "SUB idle.%d 1\r\n", i);
    ws_send(&ws, text, (size_t)length);
    ws_flush(&ws);
    ws_forget(&ws);
  }
  double seconds = now_seconds() - started;
  sleep(SETTLE_SECONDS);
  long after = resident_kb(pid);
  printf("{\"kbPerConnection\": %.2f, \"perSecond\": %.0f, \"beforeKb\": %ld, \"afterKb\": %ld}\n",
         (double)(after - before) / connections, connections / seconds, before, after);
}
