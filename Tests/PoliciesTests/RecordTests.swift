import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Records", .tags(.pure))
struct RecordTests {
    @Test("a field is found by name; one that is absent or wasn't asked for is nil")
    func fields() {
        let fields = Fields(names: ["a", "b", "c"], values: ["1", nil, ""])
        let record = Record(id: "1", key: "job:1", content: .hash(fields))
        #expect(record["a"] == "1")
        #expect(record["b"] == nil)
        #expect(record["c"] == "")
        #expect(record["d"] == nil)
        #expect(record.answers.isEmpty)
    }

    @Test("a plain string has the one field value, a missing record none")
    func otherContent() {
        let text = Record(id: "1", key: "k", content: .text("held"))
        #expect(text[Record.valueField] == "held")
        #expect(text["other"] == nil)
        #expect(Record(id: "1", key: "k", content: .missing)["value"] == nil)
    }

    @Test("an error is its message")
    func errors() {
        #expect("\(RecordError("what was expected"))" == "what was expected")
    }

    @Test("kinds and actions are written as configurations and streams name them")
    func names() {
        #expect(
            PolicyKind.builtIn.map(\.rawValue)
                == ["stuck", "counters", "locks", "paused", "dependent", "retention", "files"])
        #expect(
            Change.Action.allCases.map(\.rawValue) == [
                "fail", "retry", "complete", "recount", "release", "cancel", "mark", "warn", "reset", "remove",
                "delete", "drop", "undo",
            ])
    }
}
