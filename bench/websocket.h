// A blocking client connection over WebSocket for the load programs, with compression where it is asked for.
#ifndef NATS_BENCH_WEBSOCKET_H
#define NATS_BENCH_WEBSOCKET_H
#include "nats.h"
#include <stdint.h>
#include <zlib.h>

enum { WS_READ_BYTES = 1 << 20, WS_FIN_BINARY = 0x82, WS_COMPRESSED = 0x40 };

struct websocket {
  int socket;
  // What was read and not looked at, from `at` to `end`.
  unsigned char *input;
  size_t at, end, room;
  z_stream *inflater;
  unsigned char *inflated;
  size_t inflated_room;
};

// A frame from the client, masked; the caller frees it.
static inline unsigned char *ws_frame(const char *data, size_t length, int first, size_t *frame_bytes) {
  static const unsigned char mask[4] = {0x12, 0x9b, 0x7e, 0xc3};
  unsigned char *frame = malloc(length + 14);
  size_t head = 2;
  frame[0] = (unsigned char)first;
  if (length < 126) frame[1] = (unsigned char)(0x80 | length);
  else if (length < 65536) {
    frame[1] = 0x80 | 126;
    frame[2] = (unsigned char)(length >> 8);
    frame[3] = (unsigned char)length;
    head = 4;
  } else {
    frame[1] = 0x80 | 127;
    for (int i = 0; i < 8; i++) frame[2 + i] = (unsigned char)((uint64_t)length >> (56 - 8 * i));
    head = 10;
  }
  memcpy(frame + head, mask, 4);
  head += 4;
  for (size_t i = 0; i < length; i++) frame[head + i] = (unsigned char)data[i] ^ mask[i & 3];
  *frame_bytes = head + length;
  return frame;
}

static inline void ws_send(struct websocket *ws, const char *data, size_t length) {
  size_t bytes;
  unsigned char *frame = ws_frame(data, length, WS_FIN_BINARY, &bytes);
  send_all(ws->socket, (char *)frame, bytes);
  free(frame);
}

// The same as one compressed message; the caller frees it.
static inline unsigned char *ws_compressed_frame(const char *data, size_t length, size_t *frame_bytes) {
  z_stream deflater = {0};
  if (deflateInit2(&deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) die("deflateInit2");
  size_t room = deflateBound(&deflater, length) + 64;
  char *out = malloc(room);
  deflater.next_in = (unsigned char *)data;
  deflater.avail_in = (unsigned)length;
  deflater.next_out = (unsigned char *)out;
  deflater.avail_out = (unsigned)room;
  if (deflate(&deflater, Z_SYNC_FLUSH) != Z_OK) die("deflate");
  // What a flush ends with is left out.
  unsigned char *frame = ws_frame(out, room - deflater.avail_out - 4, WS_FIN_BINARY | WS_COMPRESSED, frame_bytes);
  deflateEnd(&deflater);
  free(out);
  return frame;
}

static inline void ws_fill(struct websocket *ws) {
  if (ws->at > 0) memmove(ws->input, ws->input + ws->at, ws->end - ws->at);
  ws->end -= ws->at;
  ws->at = 0;
  // A server may put all that waits into one frame.
  if (ws->end == ws->room) ws->input = realloc(ws->input, ws->room *= 2);
  ssize_t got = read(ws->socket, ws->input + ws->end, ws->room - ws->end);
  if (got <= 0) die("read: connection closed");
  ws->end += (size_t)got;
}

static inline size_t ws_inflate(struct websocket *ws, unsigned char *payload, size_t bytes) {
  z_stream *inflater = ws->inflater;
  size_t length = 0;
  inflateReset(inflater);
  inflater->next_in = payload;
  inflater->avail_in = (unsigned)bytes;
  do {
    if (length == ws->inflated_room) ws->inflated = realloc(ws->inflated, ws->inflated_room *= 2);
    inflater->next_out = ws->inflated + length;
    inflater->avail_out = (unsigned)(ws->inflated_room - length);
    int result = inflate(inflater, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) die("inflate");
    length = ws->inflated_room - inflater->avail_out;
  } while (inflater->avail_out == 0);
  return length;
}

// The next message, inflated; it is valid until the next call.
static inline unsigned char *ws_next(struct websocket *ws, size_t *length) {
  for (;;) {
    size_t have = ws->end - ws->at, head = 2, payload = 0;
    unsigned char *frame = ws->input + ws->at;
    if (have >= 2) {
      payload = frame[1] & 0x7f;
      if (payload == 126) head = 4;
      if (payload == 127) head = 10;
    }
    if (have >= head) {
      if (head > 2) payload = 0;
      for (size_t i = 2; i < head; i++) payload = payload << 8 | frame[i];
    }
    if (have < head || have < head + payload) {
      ws_fill(ws);
      continue;
    }
    ws->at += head + payload;
    *length = payload;
    if (!(frame[0] & WS_COMPRESSED)) return frame + head;
    *length = ws_inflate(ws, frame + head, payload);
    return ws->inflated;
  }
}

// Sends a PING and waits for its PONG: the server has handled everything before it.
static inline void ws_flush(struct websocket *ws) {
  ws_send(ws, "PING\r\n", 6);
  for (;;) {
    size_t length;
    unsigned char *message = ws_next(ws, &length);
    if (memmem(message, length, "PONG\r\n", 6)) return;
  }
}

// Connects to 127.0.0.1 (or the `host`-th address after it), upgrades, takes INFO, sends CONNECT and flushes.
static inline struct websocket ws_connect(int port, int host, int compress) {
  struct websocket ws = {.socket = socket(AF_INET, SOCK_STREAM, 0), .room = WS_READ_BYTES};
  ws.input = malloc(ws.room);
  struct sockaddr_in address = {0};
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)host);
  if (connect(ws.socket, (void *)&address, sizeof address)) die("connect");
  int on = 1;
  setsockopt(ws.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char request[512];
  int length = snprintf(request, sizeof request,
                        "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                        port, compress ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
  send_all(ws.socket, request, (size_t)length);
  if (compress) {
    ws.inflated = malloc(ws.inflated_room = WS_READ_BYTES);
    ws.inflater = calloc(1, sizeof *ws.inflater);
    if (inflateInit2(ws.inflater, -15) != Z_OK) die("inflateInit2");
  }
  unsigned char *rest = NULL;
  while (!rest) {
    ws_fill(&ws);
    rest = memmem(ws.input, ws.end, "\r\n\r\n", 4);
  }
  if (memcmp(ws.input, "HTTP/1.1 101", 12)) die("no upgrade");
  if (compress != (memmem(ws.input, (size_t)(rest - ws.input), "permessage-deflate", 18) != NULL)) die("compression");
  ws.at = (size_t)(rest - ws.input) + 4;
  size_t info;
  ws_next(&ws, &info);
  const char *hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n";
  ws_send(&ws, hello, strlen(hello));
  ws_flush(&ws);
  return ws;
}

// Gives back the memory of a connection that stays open.
static inline void ws_forget(struct websocket *ws) {
  free(ws->input);
  if (ws->inflater) inflateEnd(ws->inflater);
  free(ws->inflater);
  free(ws->inflated);
}
#endif
