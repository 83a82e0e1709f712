/* The lease protocol of one cleanup, shared by three instances, for the model checker Spin (Deploy/check-model).
 * Comments name the place in Sources/Curfew/Leases, or elsewhere in Sources/Curfew, that a step stands for.
 *
 * Two models are made of this file.
 *
 * Safety (the default): time may pass between any two steps, so that an instance may be frozen anywhere and for any
 * time; messages are late, overtaken, or lost before or after they did their work; instances are killed and started
 * again; all of that without end. Checked: no write under an old fence is accepted, and whoever trusts its lease has it.
 *
 * Liveness (-DLIVENESS): the same faults, and runs that hang, FAULTS of them; otherwise whoever can act does so before
 * time passes, which is the fairness, and one instance is always left that neither is dead nor hangs. Redis may forget the
 * registration, which is another fault. Checked: a cleanup that is due is run to its end at some time.
 *
 * Time is counted in quarters of a lease. All clocks run at the same rate; that real ones don't is what the margin is for.
 * A fence is only ever compared with that of the lease, so two are enough: the newest, and one for all older ones. That
 * keeps the model finite however long it runs. An answer that comes late is the same as an instance that goes on late,
 * except for that to a renewal, which is why only renewals are answered in a step of their own.
 *
 * A tick may claim several cleanups. What it writes for each has nothing in common with what it writes for another, so that
 * a tick with several claims is the same as several ticks between which nothing happens, and those are part of what is
 * checked here for one cleanup.
 *
 * The order in which instances look (LookOrder) takes milliseconds, which are no time here: two that look at the same time
 * do so in any order. Who is among the first to look is left open: any of them may look at the due time or leave that to
 * the others until its next heartbeat. One that sees before its tick that others have taken the cleanup (Agenda) leaves it
 * to them, too.
 *
 * Each of these makes the protocol wrong in one way, and has to be found out:
 *   -DUNFENCED           a commit doesn't look at the fence
 *   -DRENEWED_BY_NAME    a renewal extends the lease, whoever has it by now
 *   -DTRUST_FROM_ANSWER  trust counts from the answer to an attempt, and not from its start
 *   -DUNWATCHED          (with LIVENESS) a run that doesn't get on is renewed all the same
 *   -DNO_TAKEOVER        (with LIVENESS) a lease that ran out is left to whoever had it
 *   -DONLY_FIRST         (with LIVENESS) whoever isn't the first leaves the work to the one who is
 *   -DREGISTRAR_FOR_EVER (with LIVENESS) the one who has begun to register is waited for, whatever becomes of it
 */

#define LEASE 4     /* worker.lease */
#define INTERVAL 1  /* LeaseTrust.interval: how often a lease is renewed, roughly */
#define TRUST 3     /* LeaseTrust: the lease without its margin */
#define EVERY 2     /* from one occurrence of the cleanup to the next */

#ifndef FAULTS
#define FAULTS 3
#endif

/* An instance is asleep or asking in Worker.loop; the other phases are those of a Run:
 *
 *   asleep ─► asking ─► working ─► committing ─► finishing ─► asleep
 *              ▲ └► registering     │
 *              └────┘    ▲ └► hung  │
 *                        └───┴──────┘ the next page
 */
mtype:phase = { asleep, asking, registering, working, hung, committing, finishing, dead };

mtype:fence = { noFence, older, newest };

mtype:message = { none, claim, renewal, commit, finish };

mtype:answer = { notAsked, underway, granted, refused };

typedef Instance {
    mtype:phase phase = asleep;
    mtype:fence fence = noFence;     /* Claim.fence */
    byte trust;                      /* LeaseTrust.State: for how long it is held yet; 0 is lost, and final */
    byte age;                        /* since the attempt to claim or to renew began */
    mtype:answer renewed = notAsked; /* what the LeaseKeeper waits for */
#ifdef LIVENESS
    byte sleep;                      /* until the next tick */
    byte pause;                      /* until the next renewal */
    byte idle;                       /* RunControl.idle: since the run last got on */
#endif
}

Instance instances[3];

/* What is in Redis: the fence in the lease's hash, and the score in the schedule as the time until then. */
mtype:fence lease = noFence;
byte score;

/* Messages that nobody waits for any more, but that may arrive all the same. */
typedef Message {
    mtype:message kind = none;
    mtype:fence fence = noFence;
}
Message late[2];

/* Whether an occurrence waits to be run; only the claim of liveness looks at it. */
bool isOpen = true;

byte faults = FAULTS;

#ifdef LIVENESS
#define NOBODY 3
/* knows:<registration>, which all instances share, and who is about to write it (knows:<registration>:by). */
bool isKnown = false;
byte registrar = NOBODY;
#else
/* Who doesn't claim can do no wrong. */
#define isKnown true
#endif

#ifdef LIVENESS
#define MAY_FAIL (faults > 0)
#define FAIL faults--
#define isUp(x) (x.phase != dead && x.phase != hung)
#define MAY_STOP (MAY_FAIL && isUp(self) && isUp(instances[0]) + isUp(instances[1]) + isUp(instances[2]) > 1)
#else
#define MAY_FAIL true
#define FAIL skip
#define MAY_STOP true
#endif

#include "redis.pml"

/* ---- What an instance does ---- */

#define self instances[me]
#define isRenewing (self.phase == working || self.phase == hung || self.phase == committing)

#ifdef LIVENESS
#define isAwake (self.sleep == 0)
#define isRenewalDue (self.pause == 0)
#ifdef UNWATCHED
#define isGettingOn true
#else
#define isGettingOn (self.idle < LEASE)
#endif
#else
/* Whoever may act at any time covers sleeps of any length. */
#define isAwake true
#define isRenewalDue true
#define isGettingOn true
#endif

/* LeaseTrust.init, LeaseTrust.renewed: counted from the start of the attempt. */
inline grantTrust() {
#ifdef TRUST_FROM_ANSWER
    self.trust = TRUST;
#else
    self.trust = TRUST - self.age;
#endif
    self.age = 0
}

/* What the keeper still waits for is given up. */
inline endRenewals() {
    if
    :: self.renewed == underway -> giveUp(renewal, self.fence)
    :: else
    fi;
    self.renewed = notAsked;
    self.age = 0
}

inline endRun() {
    endRenewals();
    self.fence = noFence;
    self.trust = 0;
#ifdef LIVENESS
    self.sleep = 0;
    self.pause = 0;
    self.idle = 0;
#endif
    self.phase = asleep
}

/* LeaseKeeper: the last renewal is settled, and the next one waits. */
inline settleRenewal() {
    self.renewed = notAsked;
    self.age = 0;
#ifdef LIVENESS
    self.pause = INTERVAL;
#endif
}

proctype Run(byte me) {
    bool accepted;
    do
    /* Worker.loop, Coordinator.tick: the attempt begins before the call. */
    :: atomic { self.phase == asleep && isAwake -> self.phase = asking }
    :: atomic {
        self.phase == asking && isKnown ->
#ifdef ONLY_FIRST
        if
        :: me == 0 -> arriveClaim(accepted)
        :: else
        fi;
#else
        arriveClaim(accepted);
#endif
        if
        :: accepted ->
            self.fence = newest;
            grantTrust();
#ifdef LIVENESS
            self.pause = INTERVAL;
#endif
            self.phase = working
        :: accepted && MAY_FAIL -> FAIL; endRun()
        :: !accepted ->
            self.age = 0;
#ifdef LIVENESS
            /* The answer says how long there is nothing to do: one heartbeat at most, and that is a lease at most. */
            if
            :: self.sleep = (score > 0 && score < LEASE -> score : LEASE)
            :: self.sleep = LEASE
            fi;
#endif
            self.phase = asleep
        fi;
        accepted = false
    }
    :: atomic { self.phase == asking && MAY_FAIL -> FAIL; giveUp(claim, noFence); endRun() }
#ifdef LIVENESS
    /* tick.lua, is_registrar: the first that asks registers, the others look again a little later. */
    :: d_step {
        self.phase == asking && !isKnown ->
        self.age = 0;
        if
        :: registrar == NOBODY || registrar == me -> registrar = me; self.phase = registering
        :: else -> self.sleep = 1; self.phase = asleep
        fi
    }
    /* Coordinator.register, and the tick again. */
    :: d_step { self.phase == registering -> isKnown = true; registrar = NOBODY; self.phase = asking }
#endif

    /* LeaseKeeper.run: renews while the run gets on and nothing was lost. */
    :: atomic {
        isRenewing && self.renewed == notAsked && self.trust > 0 && isRenewalDue ->
        if
        :: isGettingOn -> self.renewed = underway
        :: else -> self.trust = 0
        fi
    }
    :: d_step {
        self.renewed == underway ->
        arriveRenewal(self.fence, accepted);
        self.renewed = (accepted -> granted : refused);
        accepted = false
    }
    /* LeaseTrust.renewed: an answer after trust has ended comes too late. */
    :: d_step {
        self.renewed == granted ->
        if
        :: self.trust > 0 -> grantTrust()
        :: else
        fi;
        settleRenewal()
    }
    :: d_step { self.renewed == refused -> self.trust = 0; settleRenewal() }
    /* LeaseKeeper.renewOnce: no answer; trust runs on, and the next attempt may be in time. */
    :: atomic {
        self.renewed == underway && MAY_FAIL -> FAIL;
        giveUp(renewal, self.fence);
        settleRenewal()
    }
    :: d_step { (self.renewed == granted || self.renewed == refused) && MAY_FAIL -> FAIL; settleRenewal() }

    /* RunControl.checkpoint. What follows is on its way for any time: with the client (Sweep.step), on the network. */
    :: d_step {
        self.phase == working && self.trust > 0 ->
        assert(lease == self.fence && score > 0);
        self.phase = committing
    }
    :: atomic { self.phase == working && self.trust == 0 -> endRun() }
    :: atomic {
        self.phase == committing ->
        arriveCommit(self.fence, accepted);
        if
        :: !accepted -> endRun()
#ifndef LIVENESS
        :: accepted -> self.phase = working
#endif
        /* The run is through, and its renewals with it. */
        :: accepted -> endRenewals(); self.phase = finishing
        fi;
        accepted = false
    }
    /* Sweep.results: the outcome is unknown, the page is read again, and sent again only after another checkpoint. */
    :: atomic { self.phase == committing && MAY_FAIL -> FAIL; giveUp(commit, self.fence); self.phase = working }
    :: d_step {
        self.phase == committing && MAY_FAIL -> FAIL;
        arriveCommit(self.fence, accepted);
        accepted = false;
        self.phase = working
    }

    /* Run.finish: without a checkpoint; the fence alone decides. A repetition only while trust lasts (finishSurely). */
    :: atomic { self.phase == finishing -> arriveFinish(self.fence, EVERY); endRun() }
    :: atomic { self.phase == finishing && MAY_FAIL -> FAIL; arriveFinish(self.fence, 0); endRun() }
    :: atomic {
        self.phase == finishing && MAY_FAIL -> FAIL;
        giveUp(finish, self.fence);
        if
        :: self.trust == 0 -> endRun()
        :: else
        fi
    }
    :: atomic { self.phase == finishing && self.trust > 0 && MAY_FAIL -> FAIL; arriveFinish(self.fence, EVERY) }

    /* A death, whatever it was doing, and a new process in its place, sooner or later or never. */
    :: atomic {
        self.phase != asleep && MAY_STOP -> FAIL;
        if
        :: self.phase == committing -> giveUp(commit, self.fence)
        :: self.phase == finishing -> giveUp(finish, self.fence)
        :: self.phase == asking -> giveUp(claim, noFence)
        :: else
        fi;
        endRun();
#ifdef LIVENESS
        self.phase = dead;
#endif
    }
#ifdef LIVENESS
    :: d_step { self.phase == dead -> self.phase = asleep }
    /* A run that hangs, and may go on after all. */
    :: d_step { self.phase == working && MAY_STOP -> FAIL; self.phase = hung }
    :: d_step { self.phase == hung -> self.idle = 0; self.phase = working }
#endif
    od
}

/* ---- Time ---- */

inline count(time) {
    time = (time > 0 -> time - 1 : 0)
}

inline passFor(which) {
    count(instances[which].trust);
    /* Once trust is gone, nobody asks how old an attempt is. */
    if
    :: instances[which].phase != asking && instances[which].trust == 0 -> instances[which].age = 0
    :: (instances[which].phase == asking || (instances[which].renewed != notAsked && instances[which].trust > 0)) &&
        instances[which].age < TRUST ->
        instances[which].age++
    :: else
    fi;
#ifdef LIVENESS
    count(instances[which].sleep);
    count(instances[which].pause);
    if
    :: instances[which].phase == hung && instances[which].idle < LEASE -> instances[which].idle++
    :: else
    fi;
#endif
}

inline pass() {
    count(score);
#if defined(LIVENESS) && !defined(REGISTRAR_FOR_EVER)
    /* It expires sooner than a quarter of a lease. */
    registrar = NOBODY;
#endif
    isOpen = isOpen || score == 0;
    passFor(0);
    passFor(1);
    passFor(2)
}

/* Whether an instance has nothing to do but to wait for a time. */
#define isWaiting(x) (x.renewed == notAsked && (x.phase == dead || (x.phase == asleep && x.sleep > 0) \
    || (x.phase == hung && (x.pause > 0 || x.trust == 0))))

proctype Clock() {
    do
#ifdef LIVENESS
    :: d_step { isWaiting(instances[0]) && isWaiting(instances[1]) && isWaiting(instances[2]) -> pass() }
    /* Somebody is frozen, or a message takes its time. */
    :: d_step { faults > 0 -> faults--; pass() }
    /* Redis forgets what the instances know. */
    :: d_step { faults > 0 && isKnown -> faults--; isKnown = false }
#else
    :: d_step { pass() }
#endif
    od
}

init {
    atomic {
        run Network();
        run Clock();
        run Run(0);
        run Run(1);
        run Run(2)
    }
}

#ifdef LIVENESS
ltl eventuallyRun { [] <> !isOpen }
#endif
