import RedisClient

@testable import Curfew

/// One call of `curfew_commit`, put together word by word as `curfew.lua` describes it.
struct CommitWords {
    /// A guard of a statement.
    struct Check {
        var kind: String
        var key = 0
        var takes = "none"
        var field = ""

        init(_ kind: String, _ key: Int = 0, takes: String = "none", field: String = "") {
            (self.kind, self.key, self.takes, self.field) = (kind, key, takes, field)
        }
    }

    /// A write of a statement: the command's words, nil where a change brings its own.
    ///
    /// The key's place is left out.
    struct Write {
        var key: Int
        var words: [String?]

        /// Which of the open words are keys of the change: place among the words → number of the key.
        var keys: [Int: Int]

        init(_ key: Int, _ words: String?..., keys: [Int: Int] = [:]) {
            (self.key, self.words, self.keys) = (key, words, keys)
        }
    }

    var format = CommitCall.format
    var fence = ""
    var lease = "lease"
    var index = "index"
    var shared: [String] = []
    private var keys: [String] = []
    private var statements: [[String]] = []
    private var changes: [String] = []

    init(fence: String = "", shared: [String] = []) {
        self.fence = fence
        self.shared = shared
    }

    /// Adds a statement; changes name it by its number, from 1.
    mutating func statement(keys: Int = 1, index: String = "remove", _ checks: [Check], _ writes: [Write]) {
        // Values come in the order in which they are used, after the member and the score.
        var values = index == "score" ? 2 : 1
        func next() -> String {
            values += 1
            return String(values)
        }
        var words = [String(checks.count)]
        for check in checks {
            let field = check.takes == "field" || check.takes == "both" ? next() : "0"
            let value = check.takes == "value" || check.takes == "both" ? next() : "0"
            words += [check.kind, String(check.key), check.field, "", field, value]
        }
        words.append(String(writes.count))
        for write in writes {
            var arguments = write.words
            arguments.insert("", at: 1)
            let holes = arguments.indices.filter { arguments[$0] == nil }
            words += [String(write.key), String(arguments.count), String(holes.count)]
            words += arguments.map { $0 ?? "" }
            for hole in holes {
                // A key is told from a value by its sign; the place of the command's key was put in before.
                let key = write.keys[hole - 1].map { String(-1 - $0) }
                words += [String(hole + 1), key ?? next()]
            }
        }
        words = [String(keys), index, String(values)] + words
        statements.append(words)
    }

    /// Adds a change: its statement, its index member, and then what the statement leaves open.
    mutating func change(_ statement: Int = 1, keys: [String], _ member: String, _ values: String...) {
        change(statement, keys: keys, member, values: values)
    }

    mutating func change(_ statement: Int = 1, keys: [String], _ member: String, values: [String]) {
        self.keys += keys
        changes += [String(statement), "1", member] + values
    }

    func send(to scene: FunctionsScene) async throws -> String {
        let head = [format, fence, String(shared.count), String(statements.count)]
        let words = head + statements.flatMap(\.self) + changes
        return try await scene.library.call(
            "curfew_commit", keys: [lease, index] + shared + keys, arguments: words
        ).description
    }
}
