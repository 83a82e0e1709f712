internal import Policies
internal import RedisClient

/// The common arguments of both calls for a keyspace scan.
struct ScanHolder: Sendable {
    let keys: Keys
    let cleanup: String
    let instance: String
    /// The fence of the held lease; empty for none.
    let fence: String
    let lease: Duration
    /// The time from the start of a scan until the next one is due.
    let interval: Duration
    /// The server that the cursor belongs to: in a cluster a placeholder, since each server has its own cursor; empty
    /// for the process that answers.
    let server: String

    fileprivate var arguments: [String] {
        [cleanup, instance, fence, String(lease.milliseconds), String(interval.milliseconds), server]
    }
}

/// The progress of a scan in its stored form.
struct ScanWords: Sendable {
    let cursor: String
    let seen: String
    let added: String
    /// The number of keys; empty in a report to leave it unchanged.
    let keys: String
}

/// Requests the scan of a keyspace: `curfew_scan_claim` in `scan.lua`.
struct ScanClaimCall: FunctionCall {
    /// When a scan is wanted.
    enum When: String, Sendable {
        /// If the interval since the last scan has passed, or a scan was interrupted.
        case due
        /// Now, regardless of the last scan.
        case now
        /// Only if no scan was ever completed.
        case first
    }

    let holder: ScanHolder
    let when: When

    var command: RedisCommand {
        RedisFunction.scanClaim.command(
            keys: [holder.keys.scan(holder.cleanup), holder.keys.paused], holder.arguments + [when.rawValue])
    }

    /// The answer, with all times in milliseconds.
    enum Answer {
        /// The caller has the scan, starting here.
        case claimed(fence: String, ScanWords, now: Int64)
        /// Another scanner has it for at least this time, with this progress.
        case held(for: Int64, ScanWords)
        /// There is nothing to scan for this time.
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

/// Saves the progress of a scan, and renews, ends or releases its lease: `curfew_scan_report` in `scan.lua`.
struct ScanReportCall: FunctionCall {
    /// The next step of the scan.
    enum Step: String, Sendable {
        /// It continues.
        case save
        /// It is complete; the next one begins at the start.
        case finish
        /// Another instance continues from here; instances that listen on the wake channel are woken.
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

    /// The answer.
    enum Answer: String, Sendable {
        case accepted = "ok"
        /// Another scanner has the lease.
        case lost
        /// Redis is another process than before: the scan starts again.
        case restarted
    }

    func answer(_ reply: RedisValue) throws(CurfewError) -> Answer {
        guard let answer = reply.string.flatMap(Answer.init(rawValue:)) else { throw Self.unexpected(.scanReport) }
        return answer
    }
}
