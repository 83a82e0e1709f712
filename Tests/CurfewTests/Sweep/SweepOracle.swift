import Policies
import TestSupport

@testable import Curfew

/// A made-up job, and what must become of it by the words of the documentation: written straight down, without any of
/// the code under test.
struct OracleJob {
    enum Fate: Equatable {
        case dropped
        case rescored(Int64)
        /// Re-scored to one timeout after the sweep looked at it.
        case rescoredFromNow(Int64)
        case stillDue
        case malformed
        case completed
        case retried(attempts: Int, recoveries: [Int64], timeout: Int64)
        case failed(entry: String, paid: Int64)
    }

    var id = ""
    var isThere = true
    var isList = false
    var fields: [String: String] = [:]
    var fate = Fate.stillDue
    /// Whether the ledger has this charge already.
    var isPaid = false

    private static let minute: Int64 = 60_000

    /// Makes one up.
    ///
    /// The server's time is known to a second or so; no time lies that close to a limit.
    static func random(
        _ number: Int, form: WrittenTime, began: Int64, using generator: inout Seeded
    ) -> OracleJob {
        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
        func pick(_ texts: [String]) -> String { texts[Int.random(in: 0..<texts.count, using: &generator)] }
        func ago(_ minutes: [Int64]) -> Int64 {
            let minutes = minutes[Int.random(in: 0..<minutes.count, using: &generator)]
            return began - minutes * minute - Int64.random(in: 0..<20_000, using: &generator)
        }
        func written(_ time: Int64) -> String { form.text(Timestamp(milliseconds: time)) }
        var job = OracleJob(id: "\(number)")
        job.isThere = !chance(3)
        job.isList = chance(2)
        job.isPaid = chance(5)
        var fields: [String: String] = ["note": "untouched \(number)"]
        let status = chance(80) ? "PROCESSING" : pick(["QUEUED", "COMPLETED", "FAILED", "cancelled", "PAUSED", ""])
        if !status.isEmpty || chance(50) { fields["status"] = status }
        let start = ago([0, 1, 3, 6, 10, 18, 22, 30, 600])
        // What a coarse form cuts off is gone for everybody.
        let started = form == .seconds ? start / 1_000 * 1_000 : start
        if chance(80) { fields["processingStartedAt"] = chance(3) ? "yesterday" : written(start) }
        if fields["processingStartedAt"] == nil, chance(30) { fields["processingStartedAt"] = "" }
        if chance(95) { fields["updatedAt"] = written(fields["processingStartedAt"] == nil ? start : ago([1, 600])) }
        let beat = ago([0, 2, 8, 25])
        if chance(30) { fields["heartbeatAt"] = chance(5) ? "soon" : written(beat) }
        if chance(50) { fields["tier"] = pick(["TIER_4K", "TIER_SD", ""]) }
        if chance(40) { fields["workerId"] = pick(["alive", "dead", ""]) }
        if chance(20) { fields["resultUrl"] = pick(["", "https://files.example/\(number)"]) }
        if chance(50) { fields["attempts"] = pick(["0", "1", "2", "7", "", "-1", "x"]) }
        if chance(40) {
            let (recent, older) = (began - 3_600_000, began - 80 * 3_600_000)
            let twice = "\(recent),\(recent + 5)"
            fields["recoveries"] = pick(["", "\(recent)", "\(older),\(recent)", twice, "\(older)", "?"])
        }
        if chance(97) { fields["tokensCost"] = pick(["0", "1", "17", "250", "", "-3", "many", "1", "17", "250"]) }
        if chance(97) { fields["userId"] = "u\(Int.random(in: 0..<40, using: &generator))" }
        job.fields = fields
        job.fate = job.foretold(began: began, started: started, beat: form == .seconds ? beat / 1_000 * 1_000 : beat)
        return job
    }

    private func has(_ field: String) -> String? { fields[field].flatMap { $0.isEmpty ? nil : $0 } }

    private func foretold(began: Int64, started: Int64, beat: Int64) -> Fate {
        if !isThere { return .dropped }
        if isList { return .malformed }
        let timeout: Int64 = (has("tier") == "TIER_4K" ? 20 : 5) * Self.minute
        guard let status = has("status") else { return .rescoredFromNow(timeout) }
        if ["COMPLETED", "FAILED", "cancelled"].contains(status) { return .dropped }
        if status != "PROCESSING" { return .rescoredFromNow(timeout) }
        if fields["processingStartedAt"] == "yesterday" { return .malformed }
        var (latest, startedText) = (started, has("processingStartedAt"))
        if startedText == nil {
            startedText = has("updatedAt")
            guard let startedText else { return .malformed }
            // The generator wrote another time there where a start was left empty.
            if fields["processingStartedAt"] != nil { latest = fromUpdatedAt(startedText) }
        }
        if fields["heartbeatAt"] == "soon" { return .malformed }
        if has("heartbeatAt") != nil { latest = max(latest, beat) }
        if began < latest + timeout { return .rescored(latest + timeout) }
        if fields["workerId"] == "alive" { return .stillDue }
        if has("resultUrl") != nil { return .completed }
        if let fate = retry(began: began, timeout: timeout) { return fate }
        guard let cost = fields["tokensCost"].flatMap({ Int64($0) }), cost >= 0 else { return .malformed }
        let entry = "job:\(id)@\(startedText ?? "")"
        if cost == 0 { return .failed(entry: entry, paid: 0) }
        if fields["userId"] == nil { return .malformed }
        return .failed(entry: entry, paid: isPaid ? 0 : cost)
    }

    private func retry(began: Int64, timeout: Int64) -> Fate? {
        var recoveries: [Int64] = []
        for part in has("recoveries")?.split(separator: ",") ?? [] {
            guard let time = Int64(part) else { return .malformed }
            if began - time < 72 * 3_600_000 { recoveries.append(time) }
        }
        let attempts = has("attempts") ?? "0"
        guard let attempts = Int(attempts), attempts >= 0 else { return .malformed }
        if recoveries.count >= 2 || attempts >= 2 { return nil }
        return .retried(attempts: attempts + 1, recoveries: recoveries, timeout: timeout)
    }

    private func fromUpdatedAt(_ text: String) -> Int64 {
        for form in WrittenTime.allCases {
            if let time = form.time(text) { return time.milliseconds }
        }
        return 0
    }
}
