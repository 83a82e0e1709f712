internal import Policies
internal import RedisClient

/// Stands before the first write of a run that would touch too much of what its cleanup tracks.
///
/// A mistyped `keep` would otherwise empty a keyspace within minutes. What is due is only a hint at what would be touched,
/// and it is cheap: where even all of it is within the limits, nothing more is asked. Otherwise the same sweep is made with
/// its commits left out, and what it comes to is compared. Between that and the real sweep more may become due; the limits
/// are a brake for mistakes, not an exact account.
struct RunGuard: Sendable {
    /// Why a run was refused.
    struct Refusal: Error {
        /// How many records it would touch, and how many are tracked.
        let count: Int, tracked: Int
        /// Whether it is because nothing of what is looked for was found, which `missing: drop` allows.
        var isMissing = false
        let message: String
    }

    /// What a run may touch; nil: anything.
    let limits: GuardLimits?
    /// Who said that it is meant, if anybody did.
    let overriddenBy: String?

    /// Runs the sweep, or refuses it.
    func run(_ sweep: Sweep) async -> Sweep.Outcome {
        let outcome = await guarded(sweep)
        guard let refusal = outcome.error as? Refusal, refusal.isMissing, let overriddenBy, let claim = sweep.claim
        else { return outcome }
        do {
            try await record(refusal, overriddenBy, sweep, claim)
        } catch {
            return Sweep.Outcome(error: error)
        }
        var options = sweep.options
        options.mayAllBeMissing = true
        options.begun = outcome.counters.resumed
        return await guarded(sweep.with(options))
    }

    private func guarded(_ sweep: Sweep) async -> Sweep.Outcome {
        guard let limits, let claim = sweep.claim else { return await sweep.run() }
        do {
            if let tracked = try await suspects(sweep, limits) {
                var outcome = await sweep.watching.run()
                let counters = outcome.counters
                outcome.counters = counters.unmade
                guard outcome.error == nil else { return outcome }
                let count = counters.found - counters.failed
                if limits.isExceeded(by: count, of: tracked) {
                    let refusal = refusal(of: sweep.cleanup, count: count, tracked: tracked, limits)
                    guard let overriddenBy else {
                        outcome.error = refusal
                        return outcome
                    }
                    try await record(refusal, overriddenBy, sweep, claim)
                }
            }
            try sweep.control.checkpoint()
        } catch {
            return Sweep.Outcome(error: error)
        }
        return await sweep.run()
    }

    /// How many records are tracked, where so many are due that they have to be looked at; else nil.
    private func suspects(_ sweep: Sweep, _ limits: GuardLimits) async throws -> Int? {
        if let limit = sweep.options.limit, limit <= limits.beyond { return nil }
        if let source = sweep.registrySource {
            let tracked = try await sweep.retrying { try await sweep.countMembers(source) }
            return limits.isExceeded(by: tracked, of: tracked) ? tracked : nil
        }
        let horizon = sweep.cleanup.indexUnit.bound(of: sweep.horizon)
        let replies = try await sweep.retrying {
            try await sweep.store.redis.pipeline([
                RedisCommand("ZCOUNT", [sweep.index, "-inf", horizon]), RedisCommand("ZCARD", [sweep.index]),
            ])
        }
        for reply in replies {
            if let error = reply.error { throw CurfewError(error, "counting the index") }
        }
        let due = sweep.scanned?.count ?? Int(replies[0].integer ?? 0)
        let tracked = Int(replies[1].integer ?? 0)
        return limits.isExceeded(by: due, of: tracked) ? tracked : nil
    }

    private func refusal(of cleanup: Cleanup, count: Int, tracked: Int, _ limits: GuardLimits) -> Refusal {
        let verb = cleanup.removesRecords ? "remove" : "change"
        let share = GuardLimits.text(percent: 100 * Double(count) / Double(max(tracked, 1)))
        return Refusal(
            count: count, tracked: tracked,
            message: "would \(verb) \(count) of \(tracked) tracked (\(share) %), more than guard: \(limits); "
                + "preview it, then run with --override-guard")
    }

    /// Notes in the events that somebody let the run through.
    private func record(_ refusal: Refusal, _ person: String, _ sweep: Sweep, _ claim: Claim) async throws {
        var event = Event()
        (event.run, event.cleanup, event.action) = (claim.run, sweep.cleanup.name, "override")
        event.reason =
            "guard overridden by \(person): "
            + (refusal.isMissing ? refusal.message : "\(refusal.count) of \(refusal.tracked)")
        event.time = String(sweep.clock.now.milliseconds)
        var change = PlainChange(member: "")
        change.add(event, to: sweep.services.journal)
        // With Curfew's own index, which this doesn't touch: in a Cluster the app's may be on another node.
        var call = sweep.scope.makeCall(index: sweep.store.keys.index(sweep.cleanup.name))
        var known = PlainChange.Known()
        change.append(to: &call, &known)
        // Who lets a run through where Redis is full may want to free its memory.
        let command = call.note()
        let reply = try await sweep.retrying { try await sweep.store.functions.call(command) }
        if case .refused(let why)? = try call.outcomes(of: reply).first { throw CurfewError(.server, why) }
    }
}

extension Sweep {
    /// The same sweep with other options.
    func with(_ options: Options) -> Sweep {
        Sweep(
            store: store, services: services, cleanup: cleanup, claim: claim, control: control, clock: clock,
            options: options,
            scanned: scanned, registries: registries)
    }

    /// The same sweep with its commits left out.
    var watching: Sweep {
        Sweep(
            store: store, services: services, cleanup: cleanup, claim: nil, control: control, clock: clock,
            options: options,
            scanned: scanned, registries: registries)
    }
}
