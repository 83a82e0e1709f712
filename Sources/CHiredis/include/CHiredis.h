/*
 * A RESP2 decoder for Swift: hiredis' reader behind an interface that shows none of hiredis' types.
 *
 * Bytes go in, complete replies come out on a tape: an array of nodes and one arena of bytes, both flat, so that
 * Swift reads a reply in place instead of walking a tree of small allocations.
 *
 *   reader ── feed(bytes) ──► [ node node node … | bytes bytes … | root root … ] ── take() ──► tape
 *
 * The elements of an array stand side by side, wherever the array itself stands, so that element i of any array
 * is found in one step.
 */
#ifndef CURFEW_CHIREDIS_H
#define CURFEW_CHIREDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a node is. Bulk and simple strings are both strings. */
enum curfew_kind {
    CURFEW_KIND_NULL = 0,
    CURFEW_KIND_STRING = 1,
    CURFEW_KIND_ERROR = 2,
    CURFEW_KIND_INTEGER = 3,
    CURFEW_KIND_ARRAY = 4,
};

/* One value. */
typedef struct curfew_node {
    /* An integer's value; where a string's or error's bytes start in the arena; for an array the distance from this
     * node to its first element (a distance, so that a reply can be moved to another tape as it is). */
    int64_t value;
    /* The bytes of a string or error, the elements of an array. */
    uint32_t length;
    /* One of curfew_kind. */
    uint32_t kind;
} curfew_node;

/* Complete replies, never changed after curfew_reader_take has returned them. */
typedef struct curfew_tape {
    curfew_node *nodes;
    size_t node_count;
    size_t node_capacity;
    uint8_t *arena;
    size_t arena_count;
    size_t arena_capacity;
    /* The node of each complete reply, in the order of arrival. */
    uint32_t *roots;
    size_t root_count;
    size_t root_capacity;
} curfew_tape;

typedef struct curfew_reader curfew_reader;

/* A reader that refuses a reply of more than element_limit values (all levels together), and makes one of more than
 * byte_limit bytes an error that begins with TOOLARGE. Both must be below 2^32. NULL if out of memory. */
curfew_reader *curfew_reader_create(uint64_t byte_limit, uint64_t element_limit);

void curfew_reader_free(curfew_reader *reader);

/* Sets further limits from the next larger value on: the bytes of one value, and of all larger values in the replies to
 * one request. A reply that exceeds one becomes an error that begins with TOOLARGE, and its content is skipped. is_new:
 * everything read so far belongs to earlier requests.
 *
 * Values of up to 1 KiB are small. Such replies may be decoded before their limits are set: a caller that feeds 1 KiB
 * at a time and sets the limits in between applies them to every larger value in time. */
void curfew_reader_limit(curfew_reader *reader, uint64_t value_limit, uint64_t request_limit, bool is_new);

/* Decodes more bytes and keeps incomplete data. False after a protocol error, a limit or lack of memory: the replies
 * before it can still be taken, and every later feed fails too. */
bool curfew_reader_feed(curfew_reader *reader, const void *bytes, size_t count);

/* Why curfew_reader_feed failed, or an empty string. Lives as long as the reader. */
const char *curfew_reader_error(const curfew_reader *reader);

/* The complete replies since the last call, which the caller frees; NULL if there are none (or if out of memory, which
 * curfew_reader_error then reports). */
curfew_tape *curfew_reader_take(curfew_reader *reader);

void curfew_tape_free(curfew_tape *tape);

/* The version of hiredis whose headers this was built with, as major * 100 + minor. */
int curfew_hiredis_version(void);

#endif
