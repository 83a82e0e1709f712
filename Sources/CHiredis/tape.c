#include "tape.h"

#include <stdlib.h>
#include <string.h>

/* Makes room for `more` items after `count`, at least doubling, so that appending is linear altogether. */
static bool reserve(void **items, size_t *capacity, size_t count, size_t more, size_t size) {
    if (more <= *capacity - count) return true;
    if (more > SIZE_MAX / size - count) return false;
    size_t wanted = *capacity * 2;
    if (wanted < count + more) wanted = count + more;
    if (wanted < 64) wanted = 64;
    if (wanted > SIZE_MAX / size) return false;
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL) return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

curfew_tape *curfew_tape_create(void) { return calloc(1, sizeof(curfew_tape)); }

void curfew_tape_free(curfew_tape *tape) {
    if (tape == NULL) return;
    free(tape->nodes);
    free(tape->arena);
    free(tape->roots);
    free(tape);
}

bool curfew_tape_append_nodes(curfew_tape *tape, size_t count, size_t *first) {
    void *nodes = tape->nodes;
    bool grown = reserve(&nodes, &tape->node_capacity, tape->node_count, count, sizeof(curfew_node));
    tape->nodes = nodes;
    if (!grown) return false;
    *first = tape->node_count;
    if (count > 0) memset(tape->nodes + tape->node_count, 0, count * sizeof(curfew_node));
    tape->node_count += count;
    return true;
}

bool curfew_tape_append_bytes(curfew_tape *tape, const void *bytes, size_t count, size_t *offset) {
    void *arena = tape->arena;
    bool grown = reserve(&arena, &tape->arena_capacity, tape->arena_count, count, 1);
    tape->arena = arena;
    if (!grown) return false;
    *offset = tape->arena_count;
    if (count > 0) memcpy(tape->arena + tape->arena_count, bytes, count);
    tape->arena_count += count;
    return true;
}

bool curfew_tape_append_root(curfew_tape *tape, size_t node) {
    void *roots = tape->roots;
    bool grown = reserve(&roots, &tape->root_capacity, tape->root_count, 1, sizeof(uint32_t));
    tape->roots = roots;
    if (!grown) return false;
    tape->roots[tape->root_count++] = (uint32_t)node;
    return true;
}

curfew_tape *curfew_tape_split(curfew_tape *tape, size_t node, size_t byte) {
    curfew_tape *rest = curfew_tape_create();
    if (rest == NULL) return NULL;
    size_t count = tape->node_count - node, first = 0, offset = 0;
    bool moved = count == 0 || (curfew_tape_append_nodes(rest, count, &first) &&
                                curfew_tape_append_bytes(rest, tape->arena + byte, tape->arena_count - byte, &offset));
    if (!moved) {
        curfew_tape_free(rest);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        rest->nodes[i] = tape->nodes[node + i];
        uint32_t kind = rest->nodes[i].kind;
        if (kind == CURFEW_KIND_STRING || kind == CURFEW_KIND_ERROR) rest->nodes[i].value -= (int64_t)byte;
    }
    tape->node_count = node;
    tape->arena_count = byte;
    return rest;
}
