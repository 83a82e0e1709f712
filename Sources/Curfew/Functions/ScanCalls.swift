internal import Policies
internal import RedisClient

/// What both calls for the scan of a keyspace begin with.
struct ScanHolder: Sendable {
    let keys: Keys
    let cleanup: String
    let instance: String
    /// The lease that is held; empty: none.
    let fence: String
    let lease: Duration
    /// How long after the beginning of a scan the next one is due.
    let interval: Duration
    /// What the cursor belongs to: in a cluster a word for it, since each server has a cursor of its own there; empty: the
    /// process that answers.
    let server: String

    fileprivate var arguments: [String] {
        [cleanup, instance, fence, String(lease.milliseconds), String(interval.milliseconds), server]
    }
}

/// How far a scan is, in the words in which it is kept.
struct ScanWords: Sendable {
    let cursor: String
    let seen: String
    let added: String
    /// How many keys there are; empty in a report: as many as before.
    let keys: String
}

/// Asks for the scan of a keyspace: `curfew_scan_claim` in `scan.lua`.
struct ScanClaimCall: FunctionCall {
    /// When a scan is wanted.
    enum When: String, Sendable {
        /// When the interval since the last one has passed, or one was cut short.
        case due
        /// Now, whenever the last one was.
        case now
        /// Only where none was ever finished.
        case first
    }

    let holder: ScanHolder
    let when: When

    var command: RedisCommand {
        RedisFunction.scanClaim.command(
            keys: [holder.keys.scan(holder.cleanup), holder.keys.paused], holder.arguments + [when.rawValue])
    }

    /// What is answered, all times in milliseconds.
    enum Answer {
        /// The scan is the caller's, from here on.
        case claimed(fence: String, ScanWords, now: Int64)
        /// Another scanner has it, for so long at least; this far it is.
        case held(for: Int64, ScanWords)
        /// There is nothing to scan for so long.
        case notDue(for: Int64)
    }

    func answer(_ reply: RedisValue) throws(CurfewError) -> Answer {
        guard reply.count >= 3, let now = reply[1].integer, let third = reply[2].string else {
            throw Self.unexpected(.scanClaim)
        }
        switch reply[0].string {
        case "claimed": return .claimed(fence: third, try words(reply), now: now)
        case "held": return .held(for: Int64(third) ?? 0, try words(reply))
        case "wait": return .notDue(for: Int64(third) ?? 0)
        default: throw Self.unexpected(.scanClaim)
        }
    }

    private func words(_ reply: RedisValue) throws(CurfewError) -> ScanWords {
        guard reply.count == 7, let cursor = reply[3].string else { throw Self.unexpected(.scanClaim) }
        return ScanWords(
            cursor: cursor, seen: reply[4].string ?? "", added: reply[5].string ?? "", keys: reply[6].string ?? "")
    }
}

/// Saves how far a scan is, and extends, ends or gives back its lease: `curfew_scan_report` in `scan.lua`.
struct ScanReportCall: FunctionCall {
    /// What is to become of the scan.
    enum Step: String, Sendable {
        /// It goes on.
        case save
        /// It is through; the next one begins at the start.
        case finish
        /// Another goes on from here; who listens at the channel is woken.
        case release
    }

    let holder: ScanHolder
    let step: Step
    let words: ScanWords
    let wake: String

    var command: RedisCommand {
        RedisFunction.scanReport.command(
            keys: [holder.keys.scan(holder.cleanup)],
            holder.arguments + [step.rawValue, words.cursor, words.seen, words.added, words.keys, wake])
    }

    /// What became of it.
    enum Answer: String, Sendable {
        case accepted = "ok"
        /// Another scanner has the lease.
        case lost
        /// Redis is another process than before: the scan begins anew.
        case restarted
    }

    func answer(_ reply: RedisValue) throws(CurfewError) -> Answer {
        guard let answer = reply.string.flatMap(Answer.init(rawValue:)) else { throw Self.unexpected(.scanReport) }
        return answer
    }
}
