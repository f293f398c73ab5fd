// What the load programs share: clocks, a blocking client connection, and what /proc tells of the server's process.
#ifndef NATS_BENCH_H
#define NATS_BENCH_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// User and system time of all threads of a process, in seconds (fields 14 and 15 of /proc/PID/stat, proc(5)).
static inline double cpu_seconds(int pid) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) die(path);
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  unsigned long user, system;
  // The program's name in parentheses may hold blanks: count from the last parenthesis.
  char *rest = strrchr(text, ')');
  if (!rest || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) die("stat");
  return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

// The same for several processes, their numbers with commas between.
static inline double cpu_seconds_of(const char *pids) {
  double sum = 0;
  for (const char *at = pids; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) sum += cpu_seconds(atoi(at));
  return sum;
}

// Resident memory of a process, in kilobytes.
static inline long resident_kb(int pid) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  if (!file) die(path);
  long kb = 0;
  while (fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %ld", &kb);
  fclose(file);
  return kb;
}

static inline void send_all(int socket, const char *data, size_t length) {
  while (length > 0) {
    ssize_t sent = write(socket, data, length);
    if (sent <= 0) die("write");
    data += sent;
    length -= (size_t)sent;
  }
}

// Reads until the text `end` has arrived.
static inline void read_until(int socket, const char *end) {
  char text[65536];
  size_t length = 0;
  for (;;) {
    if (length == sizeof text - 1) length = 0;
    ssize_t got = read(socket, text + length, sizeof text - 1 - length);
    if (got <= 0) die("read: connection closed");
    length += (size_t)got;
    text[length] = 0;
    if (strstr(text, end)) return;
  }
}

// Sends a PING and waits for its PONG: the server has handled everything before it.
static inline void flush(int socket) {
  send_all(socket, "PING\r\n", 6);
  read_until(socket, "PONG\r\n");
}

// Connects to 127.0.0.1 (or the `host`-th address after it), takes INFO, sends CONNECT and flushes.
static inline int connect_to(int port, int host) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {0};
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)host);
  if (connect(s, (void *)&address, sizeof address)) die("connect");
  int on = 1;
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  read_until(s, "\r\n");
  const char *hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n";
  send_all(s, hello, strlen(hello));
  flush(s);
  return s;
}
#endif
