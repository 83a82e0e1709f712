#include "tape.h"

/* Debian installs hiredis' headers in a folder reported by pkg-config; a self-built copy may come first in the search
 * path. So the bare name is tried first: the other order could mix the headers of one version with the library of
 * another. */
#if __has_include(<hiredis.h>)
#include <hiredis.h>
#else
#include <hiredis/hiredis.h>
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* hiredis moves the rest of its buffer to the front after every KiB consumed, so large feeds take quadratic time. */
#define FEED_BYTES 4096
/* The longest line that isn't a bulk string. hiredis searches for its end from the start after every feed. */
#define LINE_BYTES 65536
/* The limit of hiredis 0.14; 1.x has a higher one. */
#define NESTING_LIMIT 8
/* Values up to this size are kept whatever the limits of a request; see curfew_reader_limit. */
#define SMALL_BYTES 1024

struct curfew_reader {
    redisReader *reader;
    curfew_tape *tape;
    /* Handles given to hiredis count nodes from the start of the connection; this is the number before this tape. */
    uint64_t base;
    /* Where the reply in progress starts on the tape, and the values announced for it so far. */
    size_t reply_node;
    size_t reply_byte;
    uint64_t reply_elements;
    uint64_t byte_limit;
    uint64_t element_limit;
    uint64_t value_limit;
    uint64_t request_limit;
    /* The bytes of the larger values in the replies to the request in progress. */
    uint64_t request_bytes;
    /* The error that replaces the reply in progress if it exceeds a limit; empty otherwise. */
    char excess[160];
    /* The remaining bytes of a value that isn't kept. */
    uint64_t passing;
    char error[192];
};

static void *refuse(curfew_reader *self, const char *why) {
    if (self->error[0] == 0) snprintf(self->error, sizeof self->error, "%s", why);
    return NULL;
}

/* hiredis requires a non-NULL object for every value and passes an array's object with each of its elements. */
static void *handle(const curfew_reader *self, size_t node) { return (void *)(uintptr_t)(self->base + node + 1); }

static size_t node_of(const curfew_reader *self, const void *handle) {
    return (size_t)((uint64_t)(uintptr_t)handle - 1 - self->base);
}

/* The node of a task's value: its slot in its array, or a new node for a whole reply. */
static bool place(curfew_reader *self, const redisReadTask *task, size_t *node) {
    if (task->parent != NULL) {
        size_t array = node_of(self, task->parent->obj);
        *node = array + (size_t)self->tape->nodes[array].value + (size_t)task->idx;
        return true;
    }
    self->reply_elements = 1;
    self->reply_node = self->tape->node_count;
    self->reply_byte = self->tape->arena_count;
    return curfew_tape_append_nodes(self->tape, 1, node);
}

static void *put(curfew_reader *self, const redisReadTask *task, uint32_t kind, int64_t value, size_t length) {
    size_t node;
    if (!place(self, task, &node)) return refuse(self, "out of memory");
    self->tape->nodes[node] = (curfew_node){.value = value, .length = (uint32_t)length, .kind = kind};
    return handle(self, node);
}

/* Whether a value of this size exceeds a limit; the reply is then replaced by an error. */
static bool exceeds(curfew_reader *self, uint64_t count) {
    if (self->excess[0] != 0) return true;
    unsigned long long size = count, most = self->value_limit, most_of_reply = self->byte_limit;
    if (count > SMALL_BYTES && count > self->value_limit) {
        snprintf(self->excess, sizeof self->excess, "TOOLARGE a value has %llu bytes: expected at most %llu", size, most);
    } else if (count + (self->tape->arena_count - self->reply_byte) > self->byte_limit) {
        snprintf(self->excess, sizeof self->excess, "TOOLARGE a reply has more than %llu bytes", most_of_reply);
    } else if (count > SMALL_BYTES && count + self->request_bytes > self->request_limit) {
        snprintf(self->excess, sizeof self->excess, "TOOLARGE the replies have more than %llu bytes together",
                 (unsigned long long)self->request_limit);
    }
    return self->excess[0] != 0;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t count) {
    curfew_reader *self = task->privdata;
    uint32_t kind = CURFEW_KIND_STRING;
    if (task->type == REDIS_REPLY_ERROR) {
        kind = CURFEW_KIND_ERROR;
    } else if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_STATUS) {
        return refuse(self, "a reply of a type that RESP2 does not have");
    }
    size_t node, offset;
    if (!place(self, task, &node)) return refuse(self, "out of memory");
    if (exceeds(self, count)) {
        count = 0;
    } else if (count > SMALL_BYTES) {
        self->request_bytes += count;
    }
    if (!curfew_tape_append_bytes(self->tape, bytes, count, &offset)) return refuse(self, "out of memory");
    self->tape->nodes[node] = (curfew_node){.value = (int64_t)offset, .length = (uint32_t)count, .kind = kind};
    return handle(self, node);
}

static void *create_array_of(const redisReadTask *task, uint64_t count) {
    curfew_reader *self = task->privdata;
    if (task->type != REDIS_REPLY_ARRAY) return refuse(self, "a reply of a type that RESP2 does not have");
    int depth = 0;
    for (const redisReadTask *outer = task->parent; outer != NULL; outer = outer->parent) depth++;
    if (depth >= NESTING_LIMIT) return refuse(self, "a reply is nested too deeply");
    void *array = put(self, task, CURFEW_KIND_ARRAY, 0, (size_t)count);
    if (array == NULL) return NULL;
    /* Checked before the slots are made: a peer could announce billions of elements in ten bytes. */
    if (count > self->element_limit - self->reply_elements) {
        return refuse(self, "a reply has more elements than the limit");
    }
    self->reply_elements += count;
    size_t first, node = node_of(self, array);
    if (!curfew_tape_append_nodes(self->tape, (size_t)count, &first)) return refuse(self, "out of memory");
    self->tape->nodes[node].value = (int64_t)(first - node);
    return array;
}

static void *create_integer(const redisReadTask *task, long long value) {
    return put(task->privdata, task, CURFEW_KIND_INTEGER, value, 0);
}

static void *create_nil(const redisReadTask *task) { return put(task->privdata, task, CURFEW_KIND_NULL, 0, 0); }

/* Nodes belong to the tape, which is freed as a whole. */
static void free_object(void *object) { (void)object; }

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t count) { return create_array_of(task, count); }

static void *create_double(const redisReadTask *task, double value, char *text, size_t count) {
    (void)value, (void)text, (void)count;
    return refuse(task->privdata, "a reply of a type that RESP2 does not have");
}

static void *create_bool(const redisReadTask *task, int value) {
    (void)value;
    return refuse(task->privdata, "a reply of a type that RESP2 does not have");
}
#else
static void *create_array(const redisReadTask *task, int count) { return create_array_of(task, (uint64_t)count); }
#endif

/* By name: the order of the fields differs between versions. */
static redisReplyObjectFunctions functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
    .createNil = create_nil,
    .freeObject = free_object,
#if HIREDIS_MAJOR >= 1
    .createDouble = create_double,
    .createBool = create_bool,
#endif
};

int curfew_hiredis_version(void) { return HIREDIS_MAJOR * 100 + HIREDIS_MINOR; }

curfew_reader *curfew_reader_create(uint64_t byte_limit, uint64_t element_limit) {
    curfew_reader *self = calloc(1, sizeof *self);
    if (self == NULL) return NULL;
    self->tape = curfew_tape_create();
    self->reader = redisReaderCreateWithFunctions(&functions);
    self->byte_limit = byte_limit;
    curfew_reader_limit(self, byte_limit, INT64_MAX, true);
    self->element_limit = element_limit > 0 ? element_limit : 1;
    if (self->tape == NULL || self->reader == NULL) {
        curfew_reader_free(self);
        return NULL;
    }
    self->reader->privdata = self;
    return self;
}

void curfew_reader_free(curfew_reader *reader) {
    if (reader == NULL) return;
    if (reader->reader != NULL) redisReaderFree(reader->reader);
    curfew_tape_free(reader->tape);
    free(reader);
}

void curfew_reader_limit(curfew_reader *reader, uint64_t value_limit, uint64_t request_limit, bool is_new) {
    reader->value_limit = value_limit;
    reader->request_limit = request_limit;
    if (is_new) reader->request_bytes = 0;
}

const char *curfew_reader_error(const curfew_reader *reader) { return reader->error; }

/* Replaces a reply that exceeded a limit by an error. Nothing of it is kept: a part could be taken for the whole. */
static bool replace(curfew_reader *self, size_t root) {
    size_t offset, length = strlen(self->excess);
    self->tape->arena_count = self->reply_byte;
    self->tape->node_count = root + 1;
    if (!curfew_tape_append_bytes(self->tape, self->excess, length, &offset)) return false;
    self->tape->nodes[root] =
        (curfew_node){.value = (int64_t)offset, .length = (uint32_t)length, .kind = CURFEW_KIND_ERROR};
    self->excess[0] = 0;
    return true;
}

/* Takes every complete reply out of hiredis' buffer. */
static bool drain(curfew_reader *self) {
    for (;;) {
        void *object = NULL;
        if (redisReaderGetReply(self->reader, &object) != REDIS_OK) {
            refuse(self, self->reader->errstr);
            return false;
        }
        if (object == NULL) return true;
        size_t root = node_of(self, object);
        if (self->excess[0] != 0 && !replace(self, root)) {
            refuse(self, "out of memory");
            return false;
        }
        if (!curfew_tape_append_root(self->tape, root)) {
            refuse(self, "out of memory");
            return false;
        }
        self->reply_node = self->tape->node_count;
        self->reply_byte = self->tape->arena_count;
    }
}

#if HIREDIS_MAJOR >= 1
#define CURRENT_TASK(reader) ((reader)->task[(reader)->ridx])
#else
#define CURRENT_TASK(reader) (&(reader)->rstack[(reader)->ridx])
#endif

/* A value that exceeds a limit isn't waited for, because hiredis would buffer all of it. The part that has arrived
 * becomes the whole value, by replacing its length with a smaller number, and the rest is skipped as it arrives.
 *
 *   $73400320\r\naaaaaaaa    becomes     $(…)8\r\naaaaaaaa, after which 73400312 bytes are skipped
 */
static void pass_over(curfew_reader *self) {
    redisReader *reader = self->reader;
    if (reader->ridx < 0 || CURRENT_TASK(reader)->type != REDIS_REPLY_STRING) return;
    char *start = reader->buf + reader->pos;
    size_t held = reader->len - reader->pos, digits = 0;
    uint64_t count = 0;
    while (digits < held && digits < 12 && start[digits] >= '0' && start[digits] <= '9') {
        count = count * 10 + (uint64_t)(start[digits++] - '0');
    }
    if (digits + 2 > held || start[digits] != '\r' || start[digits + 1] != '\n') return;
    size_t there = held - digits - 2;
    if (count <= FEED_BYTES || there >= count || !exceeds(self, count)) return;
    char number[24];
    size_t length = (size_t)snprintf(number, sizeof number, "%zu", there);
    memcpy(start + digits - length, number, length);
    reader->pos += digits - length;
    self->passing = count - there;
}

/* Limits how much of a line hiredis buffers; for values pass_over does. */
static bool within_limits(curfew_reader *self) {
    size_t held = self->reader->len - self->reader->pos;
    if (held > LINE_BYTES && memchr(self->reader->buf + self->reader->pos, '\r', LINE_BYTES) == NULL) {
        refuse(self, "a line without an end");
        return false;
    }
    return true;
}

bool curfew_reader_feed(curfew_reader *reader, const void *bytes, size_t count) {
    if (reader->error[0] != 0) return false;
    const char *next = bytes;
    while (count > 0) {
        /* Only now, after the caller has set the limits for the replies that follow. */
        if (reader->passing == 0) pass_over(reader);
        if (reader->passing > 0) {
            size_t size = count < reader->passing ? count : (size_t)reader->passing;
            reader->passing -= size;
            next += size;
            count -= size;
            continue;
        }
        size_t size = count < FEED_BYTES ? count : FEED_BYTES;
        if (redisReaderFeed(reader->reader, next, size) != REDIS_OK) {
            refuse(reader, reader->reader->errstr);
            return false;
        }
        if (!drain(reader) || !within_limits(reader)) return false;
        next += size;
        count -= size;
    }
    return true;
}

/* An incomplete reply goes to a separate tape. It is moved at most once, because it is the first one there: as long as
 * it is incomplete, there is nothing to take. */
curfew_tape *curfew_reader_take(curfew_reader *reader) {
    curfew_tape *whole = reader->tape;
    if (whole->root_count == 0) return NULL;
    curfew_tape *rest = curfew_tape_split(whole, reader->reply_node, reader->reply_byte);
    if (rest == NULL) {
        refuse(reader, "out of memory");
        return NULL;
    }
    reader->base += reader->reply_node;
    reader->reply_node = 0;
    reader->reply_byte = 0;
    reader->tape = rest;
    return whole;
}
