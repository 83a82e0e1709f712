/// What is known of a build.
#ifndef CURFEW_CBUILD_H
#define CURFEW_CBUILD_H

/// The commit that was built, as `Deploy/build` names it; an empty text in other builds.
const char *curfew_commit(void);

#endif
