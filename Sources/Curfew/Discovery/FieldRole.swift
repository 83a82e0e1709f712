/// What a field probably is, by its name.
enum FieldRole: String, Sendable, CaseIterable {
    case status, start, created, updated, paused, end, deleted, heartbeat, deadline
    case total, queued, processing, completed, failed
    case amount, attempts, size, type, object, error, result, owner, reference, secret, other

    /// Whether its values are no times, however many digits they have.
    var isQuantity: Bool {
        switch self {
        case .total, .amount, .attempts, .size, .queued, .processing, .completed, .failed: true
        default: false
        }
    }

    /// Whether it may hold a time.
    var isTime: Bool {
        switch self {
        case .start, .created, .updated, .paused, .end, .deleted, .heartbeat, .deadline: true
        default: false
        }
    }

    /// Each role with the words that tell it; the first that fits counts.
    private static let rules: [(role: FieldRole, words: Set<String>)] = [
        (
            .secret,
            ["password", "secret", "passwd", "apikey", "authorization", "credential", "cookie", "email", "phone"]
        ),
        (.heartbeat, ["heartbeat", "beat", "ping", "pinged", "seen", "keepalive"]),
        (.deadline, ["deadline", "due", "expires", "expire", "expiry", "expiration", "eta", "timeout", "until"]),
        (.error, ["error", "exception", "traceback", "stacktrace", "reason", "message", "exc"]),
        (.attempts, ["attempt", "attempts", "tries", "retries", "retry", "retried"]),
        (.size, ["size", "bytes", "length", "filesize"]),
        (.amount, ["cost", "costs", "amount", "price", "tokens", "credits", "charge", "charged", "fee", "spent"]),
        (.result, ["result", "output", "returnvalue", "response", "results", "outputs"]),
        (.total, ["total", "expected", "requested"]),
    ]

    private static let times: [(role: FieldRole, words: Set<String>)] = [
        (.deleted, ["deleted", "removed", "trashed"]),
        (.paused, ["paused", "suspended", "snoozed", "held"]),
        (
            .end,
            [
                "end", "ended", "finish", "finished", "completed", "complete", "completion", "failed", "cancelled",
                "canceled", "closed", "done", "stopped", "expired", "processed", "delivered", "sent",
            ]
        ),
        (
            .start,
            [
                "start", "started", "begin", "began", "begun", "picked", "claimed", "acquired", "reserved",
                "dispatched", "locked", "leased", "run", "taken", "processing", "running",
            ]
        ),
        (.updated, ["updated", "modified", "changed", "touched", "update", "mtime"]),
        (
            .created,
            [
                "created", "enqueued", "queued", "submitted", "timestamp", "uploaded", "inserted", "added",
                "received", "ctime", "logged",
            ]
        ),
    ]

    private static let counts: [(role: FieldRole, words: Set<String>)] = [
        (.queued, ["queued", "waiting", "pending", "remaining"]),
        (.processing, ["processing", "running", "active", "progress", "inprogress"]),
        (.completed, ["completed", "done", "succeeded", "success", "finished", "complete", "successful"]),
        (.failed, ["failed", "failures", "errors", "failure", "errored"]),
        (.total, ["total", "count", "expected", "requested"]),
    ]

    /// The role of a field whose values are times, numbers, or anything else.
    static func of(_ name: String, isTime: Bool, isNumber: Bool) -> FieldRole {
        let words = NameWords.of(name)
        if isTime {
            for rule in rules
            where [.heartbeat, .deadline].contains(rule.role)
                && !rule.words.isDisjoint(with: words)
            { return rule.role }
            if words.count == 1, ["time", "at", "date", "ts", "datetime", "when"].contains(words[0]) {
                return .created
            }
            return times.first { !$0.words.isDisjoint(with: words) }?.role ?? .other
        }
        if isNumber, words.count <= 3, let rule = counts.first(where: { !$0.words.isDisjoint(with: words) }),
            rule.role != .total || of(words) != .amount
        {
            return rule.role
        }
        return of(words)
    }

    /// The role that a name alone suggests, before any value was seen.
    static func named(_ name: String) -> FieldRole { of(NameWords.of(name)) }

    private static func of(_ words: [String]) -> FieldRole {
        guard let last = words.last else { return .other }
        if ["status", "state", "phase", "stage"].contains(last) { return .status }
        if ["owner", "holder", "worker", "workerid", "workername", "host", "hostname", "instance"].contains(last) {
            return .owner
        }
        let isReference = ["id", "ref", "uuid"].contains(last) && words.count > 1
        if isReference {
            let owners: Set = ["worker", "owner", "holder", "instance", "process", "consumer"]
            return owners.isDisjoint(with: words) ? .reference : .owner
        }
        if words.count > 1, words.contains("worker"), last == "name" { return .owner }
        if let rule = rules.first(where: { !$0.words.isDisjoint(with: words) }) { return rule.role }
        if ["type", "kind", "tier", "class", "category", "plan", "queue"].contains(last) { return .type }
        if ["key", "url", "uri", "path", "object", "file", "filename", "thumb", "thumbnail"].contains(last) {
            return .object
        }
        if ["user", "account", "customer", "tenant", "job", "parent", "batch", "task", "plan"].contains(last) {
            return .reference
        }
        return .other
    }
}
