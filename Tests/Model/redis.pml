/* What Redis does with what arrives: the functions in Lua, as far as schedule, lease and fence go. Part of lease.pml. */

inline outdate(which) {
    instances[which].fence = (instances[which].fence == newest -> older : instances[which].fence)
}

/* tick.lua, find_due, and lease.lua, take: what is past its score is claimed, with or without a run that has it (`one.run`). */
inline arriveClaim(accepted) {
    accepted = (score == 0);
#ifdef NO_TAKEOVER
    accepted = accepted && lease == noFence;
#endif
    if
    :: accepted ->
        /* HINCRBY fences: whatever anybody has is an older one from now on. */
        outdate(0);
        outdate(1);
        outdate(2);
        late[0].fence = (late[0].fence == newest -> older : late[0].fence);
        late[1].fence = (late[1].fence == newest -> older : late[1].fence);
        lease = newest;
        score = LEASE
    :: else
    fi
}

/* lease.lua, renew: `not is_of(lease, term)` is lost, `ZSCORE <= now` is lost. */
inline arriveRenewal(with, accepted) {
#ifdef RENEWED_BY_NAME
    accepted = (lease != noFence && score > 0);
#else
    accepted = (lease == with && score > 0);
#endif
    if
    :: accepted -> assert(with == newest); score = LEASE
    :: else
    fi
}

/* commit.lua, execute: whoever has another term than the lease is `fenced`; in the model a fence is a term. */
inline arriveCommit(with, accepted) {
#ifdef UNFENCED
    accepted = true;
#else
    accepted = (lease == with);
#endif
    assert(!accepted || with == newest)
}

/* lease.lua, finish: `not is_of(lease, term)` is lost; DEL lease, ZADD schedule. Due at once (0) is a hand-over. */
inline arriveFinish(with, next) {
    if
    :: lease == with ->
        assert(with == newest);
        lease = noFence;
        score = next;
        isOpen = (next == 0)
    :: else
    fi
}

/* Its sender gives a message up: it never arrives, or later. (It may have arrived too: that is a step of its own.) */
inline giveUp(message, with) {
    if
    :: true
    :: late[0].kind == none -> late[0].kind = message; late[0].fence = with
    :: late[0].kind != none && late[1].kind == none -> late[1].kind = message; late[1].fence = with
    fi
}

inline arriveLate(which) {
    if
    :: late[which].kind == claim -> arriveClaim(accepted)
    :: late[which].kind == renewal -> arriveRenewal(late[which].fence, accepted)
    :: late[which].kind == commit -> arriveCommit(late[which].fence, accepted)
    :: late[which].kind == finish -> arriveFinish(late[which].fence, EVERY)
    fi;
    /* The gap is closed, so that it makes no difference which one came first. */
    if
    :: which == 0 -> late[0].kind = late[1].kind; late[0].fence = late[1].fence
    :: else
    fi;
    late[1].kind = none;
    late[1].fence = noFence;
    accepted = false
}

proctype Network() {
    bool accepted;
    do
    :: d_step { late[0].kind != none -> arriveLate(0) }
    :: d_step { late[1].kind != none -> arriveLate(1) }
    od
}
