import Foundation
import RedisClient

@testable import Curfew

/// One call of `curfew_commit`, with statements put together word by word as `commit.lua` describes them.
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
        /// Which of the open words is the time of the call.
        var time: Int?

        init(_ key: Int, _ words: String?..., keys: [Int: Int] = [:], time: Int? = nil) {
            (self.key, self.words, self.keys, self.time) = (key, words, keys, time)
        }
    }

    var arguments = CommitArguments(index: "index")
    /// Whether it is a call of `curfew_commit_part`, which is told its keys as words.
    var isOnNode = false
    private var keys: [String] = []
    private var statements: [String] = []
    private var changes: [String] = []

    init(fence: String = "", shared: [String] = []) {
        arguments.lease = LeaseTerm(key: "lease", term: fence)
        arguments.shared = shared
    }

    /// Adds a statement; changes name it by its number, from 1.
    mutating func statement(keys: Int = 1, index: String = "remove", _ checks: [Check], _ writes: [Write]) throws {
        // Values come in the order in which they are used, after the member and the score.
        var values = index == "score" ? 2 : 1
        func next() -> Int {
            values += 1
            return values
        }
        let guards: [[Any]] = checks.map { check in
            let field = check.takes == "field" || check.takes == "both" ? next() : 0
            let value = check.takes == "value" || check.takes == "both" ? next() : 0
            return [check.kind, check.key, check.field, "", field, value]
        }
        let commands: [[Any]] = writes.map { write in
            var words = write.words
            words.insert("", at: 1)
            // A key is told from a value by its sign; the place of the command's key was put in before.
            let holes = words.indices.filter { words[$0] == nil }.map { hole in
                [hole + 1, write.time == hole - 1 ? 0 : write.keys[hole - 1].map { -1 - $0 } ?? next()]
            }
            return [write.key, words.map { $0 ?? "" }, holes]
        }
        let statement: [String: Any] = [
            "keys": keys, "index": index, "values": values, "guards": guards, "writes": commands,
        ]
        statements.append(String(decoding: try JSONSerialization.data(withJSONObject: statement), as: UTF8.self))
    }

    /// Adds a change: its statement, its index member, and then what the statement leaves open.
    mutating func change(_ statement: Int = 1, keys: [String], _ member: String, _ values: String...) {
        change(statement, keys: keys, member, values: values)
    }

    mutating func change(_ statement: Int = 1, keys: [String], _ member: String, values: [String]) {
        self.keys += keys
        changes += [String(statement), "1", member] + values
    }

    /// Adds a run of changes of one statement: how it is headed, what all of them have, and what each has beside.
    mutating func run(_ head: String, keys: [String], shared: [String], _ rows: [[String]]) {
        self.keys += keys
        changes += [head, String(rows.count)] + shared + rows.flatMap(\.self)
    }

    func send(to scene: FunctionsScene) async throws -> String {
        var words = RedisCommand(capacity: 1 << 10)
        for key in keys { words.append(key) }
        let changes = CommitArguments.Changes(keys: words, statements: statements) { command in
            for word in self.changes { command.append(word) }
        }
        let command =
            isOnNode
            ? arguments.nodeCommand(.commitPart, changes, under: nil, isAlone: false)
            : arguments.command(.commit, changes)
        return try await scene.library.call(command).description
    }
}
