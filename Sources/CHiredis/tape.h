/* The growing side of a tape, used by the reader only. */
#ifndef CURFEW_TAPE_H
#define CURFEW_TAPE_H

#include "CHiredis.h"

curfew_tape *curfew_tape_create(void);

/* Appends count null nodes and sets *first to the first of them. False if out of memory. */
bool curfew_tape_append_nodes(curfew_tape *tape, size_t count, size_t *first);

/* Appends bytes to the arena and sets *offset to where they start. */
bool curfew_tape_append_bytes(curfew_tape *tape, const void *bytes, size_t count, size_t *offset);

bool curfew_tape_append_root(curfew_tape *tape, size_t node);

/* Cuts the tape before a node and a byte of the arena and returns the rest as a new tape, which may be empty; NULL if
 * out of memory. */
curfew_tape *curfew_tape_split(curfew_tape *tape, size_t node, size_t byte);

#endif
