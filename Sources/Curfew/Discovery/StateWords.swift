internal import RedisClient

/// What the states of applications are called.
enum StateWords {
    /// What a state says about a record.
    enum Kind: String, Sendable {
        /// Somebody works on it.
        case active
        /// It waits for its turn, or for another.
        case waiting
        /// It waits for a person.
        case paused
        /// It has ended as it should.
        case completed
        /// It has ended otherwise.
        case failed
        /// A word that says nothing.
        case unknown

        /// Whether a record in such a state has ended.
        var isFinal: Bool { self == .completed || self == .failed }
    }

    private static let words: [String: Kind] = {
        let lists: [(Kind, String)] = [
            (
                .active,
                "active running started processing working executing busy picked claimed reserved leased locked "
                    + "dispatched sending uploading downloading rendering generating building progress inprogress "
                    + "taken acquired inflight flight run start"
            ),
            (
                .waiting,
                "queued pending waiting created new scheduled delayed deferred blocked ready submitted enqueued retry "
                    + "retrying queuing queueing wait prepared draft open todo idle accepted received"
            ),
            (.paused, "paused pausing hold held suspended snoozed onhold sleeping frozen"),
            (
                .completed,
                "completed complete done finished success successful succeeded ok closed archived delivered sent "
                    + "processed resolved ended published ready_for_download"
            ),
            (
                .failed,
                "failed failure fail error errored cancelled canceled dead expired timeout aborted rejected skipped "
                    + "revoked stopped killed abandoned discarded lost crashed terminated deleted"
            ),
        ]
        var words: [String: Kind] = [:]
        for (kind, list) in lists { for word in list.split(separator: " ") { words[String(word)] = kind } }
        return words
    }()

    /// What a value says, if it is a state.
    static func kind(of value: String) -> Kind {
        let whole = NameWords.of(value)
        guard !whole.isEmpty, whole.count <= 3, value.utf8.count <= 40 else { return .unknown }
        if let kind = words[whole.joined()] { return kind }
        // The last word decides: `in_progress`, `job_failed`; but what is said first of `failed_permanently`.
        for word in [whole.last, whole.first].compactMap(\.self) {
            if let kind = words[word] { return kind }
        }
        return whole.count == 1 && whole[0].count > 5 && whole[0].hasSuffix("ing") ? .active : .unknown
    }

    /// A word in the letters that other states have: `FAILED` beside `RUNNING`.
    static func word(_ word: String, like others: [String]) -> String {
        guard let other = others.first(where: { $0.contains { $0.isLetter } })?.readable else { return word }
        if other == other.uppercased() { return word.uppercased() }
        if other.first?.isUppercase == true { return word.prefix(1).uppercased() + word.dropFirst() }
        return word
    }
}
