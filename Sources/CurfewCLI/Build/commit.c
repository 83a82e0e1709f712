#include "CBuild.h"

#ifndef CURFEW_COMMIT
#define CURFEW_COMMIT ""
#endif

const char *curfew_commit(void) { return CURFEW_COMMIT; }
