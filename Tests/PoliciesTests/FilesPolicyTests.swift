import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Files", .tags(.pure))
struct FilesPolicyTests {
    private static let day = Duration.seconds(86_400)

    private func policy(mark: String? = nil, orphan: Bool = true, deleted: Bool = true) -> FilesPolicy {
        FilesPolicy(
            since: ["uploadedAt"], orphan: orphan ? .init(unless: "entityId", mark: mark) : nil,
            deleted: deleted ? .init(since: "deletedAt") : nil, storage: "uploads", objects: [.init(field: "r2Key")],
            size: "size")
    }

    /// A file that was uploaded so many days ago, with what else it holds.
    private func file(_ age: Double, _ others: [String: String?] = [:]) -> [String: String] {
        var values = ["uploadedAt": ago(.seconds(age * 86_400)), "r2Key": "u/7.png", "size": "2048"]
        for (field, value) in others { values[field] = value }
        return values
    }

    @Test("a file without an owner is deleted after its time, if nobody has linked it", arguments: [nil, ""])
    func orphan(owner: String?) throws {
        let values = file(1, ["entityId": owner, "status": "ready"])
        let change = Change(
            action: .delete, from: "ready", to: "deleting",
            reason: "no entityId for 1d: uploadedAt was 2023-07-21T04:26:40Z, timeout 1d", age: Self.day,
            timeout: Self.day,
            guards: [
                .field("status", equals: "ready"), .field("uploadedAt", equals: "1689913600"),
                .field("entityId", equals: owner), .field("r2Key", equals: "u/7.png"),
            ], sets: [FieldWrite(field: "status", value: "deleting")], removesRecord: true,
            objects: ObjectDeletion(storage: "uploads", keys: ["u/7.png"], bytes: 2_048),
            before: ["status", "uploadedAt", "deletedAt", "entityId", "r2Key", "size"]
                .map { FieldWrite(field: $0, value: values[$0]) })
        #expect(try policy().settle(values) == .change(change))
        #expect(
            try policy().settle(values, at: now - .seconds(1))
                == .leave(until: now, because: "no entityId, uploadedAt 23h59m ago, orphaned in 1s"))
    }

    @Test("a file that has an owner is looked at again after the shorter time")
    func linked() throws {
        let values = file(400, ["entityId": "e1"])
        #expect(try policy().settle(values) == .leave(until: now + Self.day, because: "entityId is e1"))
        let long = FilesPolicy(
            since: ["uploadedAt"], orphan: .init(unless: "entityId", after: Self.day * 20),
            deleted: .init(since: "deletedAt"), storage: "s", objects: [.init(field: "r2Key")])
        #expect(try long.settle(values).leave?.until == now + Self.day * 7)
        #expect(
            try policy(orphan: false).settle(file(400))
                == .leave(until: now + Self.day * 7, because: "it was not deleted"))
    }

    @Test("a deleted file goes after its time, owner or not, and can be restored until then")
    func deleted() throws {
        let deleted = ago(Self.day * 7)
        let values = file(400, ["entityId": "e1", "deletedAt": deleted])
        let change = try #require(try policy().settle(values).change)
        #expect(change.action == .delete && change.from.isEmpty && change.to == "deleting")
        #expect(change.reason == "deleted 7d ago: deletedAt was 2023-07-15T04:26:40Z, kept 7d")
        #expect(
            change.guards == [
                .field("status", equals: nil), .field("deletedAt", equals: deleted), .field("entityId", equals: "e1"),
                .field("r2Key", equals: "u/7.png"),
            ])
        #expect(change.age == Self.day * 7 && change.timeout == Self.day * 7)
        // An orphan that was deleted softly may be restored as well.
        let fresh = file(400, ["deletedAt": ago(Self.day)])
        #expect(
            try policy().settle(fresh)
                == .leave(until: now + Self.day * 6, because: "deletedAt 1d ago, deleted for good in 6d"))
        #expect(try policy(deleted: false).settle(values).change == nil)
    }

    @Test("with a mark an orphan is deleted softly first, and for good after that time")
    func mark() throws {
        let policy = policy(mark: "deletedAt")
        var values = file(2, ["status": "ready", "deletedAt": ""])
        let change = try #require(try policy.settle(values).change)
        #expect(change.action == .mark && change.from == "ready" && change.to == "ready" && !change.removesRecord)
        #expect(change.sets == [FieldWrite(field: "deletedAt", value: "1690000000")])
        #expect(change.next == now + Self.day * 7)
        #expect(
            change.guards == [
                .field("status", equals: "ready"), .field("uploadedAt", equals: values["uploadedAt"]),
                .field("entityId", equals: nil), .field("deletedAt", equals: ""),
            ])
        #expect(
            change.reason == "no entityId for 2d: uploadedAt was 2023-07-20T04:26:40Z, timeout 1d; deleted for good in "
                + "7d unless it is restored")
        values["deletedAt"] = change.written("deletedAt")
        #expect(try policy.settle(values).leave?.until == now + Self.day * 7)
        #expect(try policy.settle(values, at: now + Self.day * 7).change?.action == .delete)
    }

    @Test("a file that was claimed before is deleted at once, and written no more")
    func claimed() throws {
        for values in [file(0, ["status": "deleting"]), ["status": "deleting", "r2Key": "u/7.png"]] {
            let change = try #require(try policy().settle(values).change)
            #expect(change.reason == "claimed before: status is deleting")
            #expect(
                change.guards == [
                    .field("status", equals: "deleting"), .field("entityId", equals: nil),
                    .field("r2Key", equals: "u/7.png"),
                ])
            #expect(change.sets.isEmpty && change.removesRecord && change.objectKeys == ["u/7.png"])
            #expect(change.from == "deleting" && change.to == "deleting" && change.age == .zero)
        }
    }

    @Test("a file that was linked after its claim is an error, unless it was deleted by its owner")
    func linkedAfterClaim() throws {
        let message = "claimed before: status is deleting, but entityId is e1: linked meanwhile; nothing was deleted"
        let values = file(9, ["status": "deleting", "entityId": "e1"])
        #expect(throws: RecordError(message)) { try policy().settle(values) }
        let deleted = file(9, ["status": "deleting", "entityId": "e1", "deletedAt": ago(Self.day * 8)])
        #expect(try policy().settle(deleted).change?.action == .delete)
        #expect(try policy(orphan: false).settle(deleted).change?.action == .delete)
    }

    @Test("a file that was restored after its claim is an error, where only a deletion can have been the reason")
    func restoredAfterClaim() throws {
        let message =
            "claimed before: status is deleting, but it has no deletedAt: restored meanwhile; nothing was deleted"
        for deleted in [nil, ""] {
            let values = file(9, ["status": "deleting", "entityId": "e1", "deletedAt": deleted])
            #expect(throws: RecordError(message)) { try policy(orphan: false).settle(values) }
        }
    }

    @Test("without the object's key nothing is deleted", arguments: [nil, ""])
    func noObject(key: String?) throws {
        let message = "r2Key is missing: expected the key of the object in storage; nothing was deleted"
        for others in [
            ["r2Key": key], ["r2Key": key, "status": "deleting"], ["r2Key": key, "deletedAt": "1600000000"],
        ] {
            #expect(throws: RecordError(message)) { try policy().settle(file(9, others)) }
        }
        #expect(try policy().settle(file(9, ["r2Key": key, "entityId": "e1"])).change == nil)
    }

    @Test("times that can't be read are errors; what stands for no time is no deletion")
    func times() throws {
        #expect(throws: RecordError.self) { try policy().settle(file(9, ["uploadedAt": nil])) }
        #expect(throws: RecordError.self) { try policy().settle(file(9, ["deletedAt": "soon"])) }
        for text in ["0", "null", "0001-01-01T00:00:00Z"] {
            let verdict = try policy().settle(file(9, ["deletedAt": text, "entityId": "e1"]))
            #expect(verdict.leave?.because == "entityId is e1")
        }
    }

    @Test(
        "a size is only counted: what can't be a size counts as nothing",
        arguments: [("0", 0), ("1", 1), ("", 0), ("-1", 0), ("1e3", 0), ("9223372036854775807", 0)])
    func size(text: String, bytes: Int64) throws {
        #expect(try policy().settle(file(9, ["size": text])).change?.bytes == bytes)
    }

    @Test("a record that is gone is dropped; what is no hash is an error")
    func noHash() throws {
        let missing = try policy().settle(Record(id: "1", key: "file:1", content: .missing))
        #expect(missing == .drop(because: "the record is gone", guards: [.recordMissing]))
        #expect(throws: RecordError.self) {
            try policy().settle(Record(id: "1", key: "file:1", content: .text("x")))
        }
    }

    @Test("an override replaces both times")
    func override() throws {
        var policy = policy()
        #expect(policy.longestTimeout == Self.day * 7)
        policy.timeoutOverride = .seconds(60)
        #expect(policy.longestTimeout == .seconds(60))
        #expect(try policy.settle(file(0, ["uploadedAt": ago(.seconds(60))])).change?.timeout == .seconds(60))
        #expect(try policy.settle(file(0, ["deletedAt": ago(.seconds(60))])).change?.timeout == .seconds(60))
    }

    @Test("what the rules look at is asked for, once each")
    func fields() {
        #expect(policy().fields == ["status", "uploadedAt", "deletedAt", "entityId", "r2Key", "size"])
        #expect(policy(orphan: false).fields == ["status", "deletedAt", "r2Key", "size"])
        #expect(policy(deleted: false).fields == ["status", "uploadedAt", "entityId", "r2Key", "size"])
        #expect(FilesPolicy.kind == .files && policy().activeStates == nil)
    }
}
