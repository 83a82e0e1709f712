import TestNeeds
import TestSupport
import Testing

@testable import Policies

/// What a record's value is as the key of an object, and what is plainly none.
@Suite("Files: keys of objects", .tags(.pure))
struct ObjectSourceTests {
    private func policy(_ objects: ObjectSource..., refs: ObjectUses? = nil) -> FilesPolicy {
        FilesPolicy(
            since: ["at"], orphan: .init(unless: "owner"), storage: "uploads", objects: objects, refs: refs)
    }

    private func file(_ values: [String: String]) -> [String: String] {
        values.merging(["at": ago(.seconds(9 * 86_400))]) { own, _ in own }
    }

    private func keys(_ policy: FilesPolicy, _ values: [String: String]) throws -> [String]? {
        try policy.settle(file(values)).change?.objectKeys
    }

    private func message(_ policy: FilesPolicy, _ values: [String: String]) -> String {
        do {
            return "\(try policy.settle(file(values)))"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "an address, a path, a signed link and data are no keys",
        arguments: [
            "https://cdn.example/uploads/a.png", "HTTP://cdn.example/a.png", "s3://uploads/b.png", "gs://uploads/b.png",
            "//cdn.example/a.png", "https:/cdn.example/a.png", "blob:https://example/1", " https://cdn.example/a.png",
            "data:image/png;base64,iVBOR", "arn:aws:s3:::uploads/a.png", "/uploads/a.png",
            "a.png?X-Amz-Signature=0", "a.png?Expires=1&Signature=0",
        ])
    func addresses(value: String) {
        let text = message(policy(.init(field: "url")), ["url": value])
        #expect(text.hasPrefix("url is “\(value)”: expected the key of an object, found "), "\(text)")
        #expect(text.contains("strip") && text.hasSuffix("nothing was deleted"), "\(text)")
        #expect(throws: RecordError.self) { try keys(policy(.init(try KeyTemplate("store/<url>"))), ["url": value]) }
    }

    @Test(
        "what may be a key is one, however odd",
        arguments: [
            "a.png", "c%20c.png", "user:7/a.png", "a b?c", "http/a", "x:/y", "a//b", "é", "e\u{301}", "a\u{1}b",
        ])
    func keysAsTheyAre(value: String) throws {
        #expect(try keys(policy(.init(field: "key")), ["key": value])?.map { Array($0.utf8) } == [Array(value.utf8)])
    }

    @Test(
        "steps that a server on the way may take away are an error",
        arguments: ["../a", "a/../b", "a/./b", ".", "a/.."])
    func steps(value: String) {
        #expect(message(policy(.init(field: "key")), ["key": value]).contains("found the step “."))
    }

    @Test("what stands before the key is taken away, and an address is decoded")
    func strip() throws {
        let source = ObjectSource(
            field: "url", strip: ["https://cdn.example", "//cdn.example/x/", "s3://uploads/", "/files/"])
        for (value, key) in [
            ("https://cdn.example/a%20b/%C3%A9.png?v=3#top", "a b/é.png"), ("//cdn.example/x/a+b", "a+b"),
            ("s3://uploads/a%20b?c", "a%20b?c"), ("/files/a%20b", "a%20b"), ("https://cdn.example/a%2Fb", "a/b"),
        ] {
            #expect(try keys(policy(source), ["url": value.held]) == [key.held], "\(value)")
        }
        for value in [
            "https://cdn.example.org/a.png", "https://cdn.example", "https://cdn.example/", "a.png",
            "HTTPS://cdn.example/a",
            "https://cdn.example/a%2", "https://cdn.example/a%zz", "https://cdn.example/a%FF", "https://cdn.example/?a",
            "https://cdn.example//a", "https://cdn.example/https://b/c", "https://cdn.example/%2e%2e/a", "/files/",
        ] {
            #expect(throws: RecordError.self, "\(value)") { try keys(policy(source), ["url": value]) }
        }
        #expect(
            message(policy(.init(field: "url", strip: ["https://a/", "https://b/"])), ["url": "https://c/d"])
                == "url is “https://c/d”: expected it to begin with “https://a/” or “https://b/”; nothing was deleted")
    }

    @Test("a template names the object; several objects go together, of which only the first is required")
    func several() throws {
        let two = policy(.init(try KeyTemplate("store/<key>")), .init(try KeyTemplate("<id>-<thumb>.png")))
        #expect(two.fields == ["status", "at", "owner", "key", "thumb"])
        #expect(try keys(two, ["key": "a", "thumb": "s"]) == ["store/a", "1-s.png"])
        #expect(try keys(two, ["key": "a", "thumb": ""]) == ["store/a"])
        #expect(message(two, ["thumb": "s"]).hasPrefix("key is missing"))
        let same = policy(.init(field: "key"), .init(field: "thumb"))
        #expect(try keys(same, ["key": "a", "thumb": "a"]) == ["a"])
        // Two spellings of é are two objects.
        #expect(try keys(same, ["key": "\u{E9}", "thumb": "e\u{301}"])?.count == 2)
        let change = try #require(try same.settle(file(["key": "a"])).change)
        #expect(
            change.guards.contains(.field("key", equals: "a")) && change.guards.contains(.field("thumb", equals: nil)))
    }

    @Test("an object lies below its prefix, one of several, or of the record's own; anybody else's is an error")
    func prefixes() throws {
        func below(_ prefixes: String...) throws -> FilesPolicy {
            FilesPolicy(
                since: ["at"], orphan: .init(unless: "owner"), storage: "uploads",
                objects: [.init(field: "key"), .init(field: "thumb", strip: ["https://cdn.example/"])],
                objectPrefixes: try prefixes.map { try KeyTemplate($0) })
        }
        let fixed = try below("uploads/", "avatars/")
        #expect(try keys(fixed, ["key": "uploads/a.png"]) == ["uploads/a.png"])
        #expect(
            try keys(fixed, ["key": "avatars/a", "thumb": "https://cdn.example/uploads/b"]) == [
                "avatars/a", "uploads/b",
            ])
        let victims = "victims/contract.pdf"
        #expect(
            message(fixed, ["key": victims])
                == "key is “\(victims)”: expected an object below “uploads/” or “avatars/”; nothing was deleted")
        for other in ["uploads", "Uploads/a", "x/uploads/a", "uploads/../\(victims)", "uploads/./a"] {
            #expect(throws: RecordError.self, "\(other)") { try keys(fixed, ["key": other]) }
        }
        #expect(throws: RecordError.self) {
            try keys(fixed, ["key": "uploads/a", "thumb": "https://cdn.example/\(victims)"])
        }
        let own = try below("tenants/<tenant>/<id>-")
        #expect(own.fields.contains("tenant"))
        #expect(try keys(own, ["key": "tenants/t/1-a", "tenant": "t"]) == ["tenants/t/1-a"])
        #expect(throws: RecordError.self) { try keys(own, ["key": "tenants/t/2-a", "tenant": "t"]) }
        #expect(throws: RecordError.self) { try keys(own, ["key": "tenants/a/b/1-a", "tenant": "a/b"]) }
        #expect(throws: RecordError.self) { try keys(own, ["key": "tenants/t/1-a"]) }
        let change = try #require(try own.settle(file(["key": "tenants/t/1-a", "tenant": "t"])).change)
        #expect(change.guards.contains(.field("tenant", equals: "t")))
    }

    @Test("in the template of an object a field stays within its step of the path")
    func steps() throws {
        let one = policy(.init(try KeyTemplate("<tenant>/<key>.png")))
        #expect(try keys(one, ["tenant": "t", "key": "a.b/{c}"]) == ["t/a.b/{c}.png"])
        #expect(throws: RecordError.self) { try keys(one, ["tenant": "t/u", "key": "a"]) }
        let any = policy(.init(try KeyTemplate("<tenant>/<key>.png", values: .any)))
        #expect(try keys(any, ["tenant": "t/u", "key": "a"]) == ["t/u/a.png"])
    }

    @Test("an object that others use stays; the count is guarded", arguments: [0, 1, 2, 9])
    func uses(count: Int64) throws {
        let byKey = policy(.init(field: "key"), refs: .key(try KeyTemplate("blob:<key>:refs")))
        var world = World()
        world.counts = ["blob:a:refs": count]
        let verdict = try byKey.settle(file(["key": "a"]), in: world)
        if count > 1 {
            #expect(verdict.leave?.because.hasSuffix("blob:a:refs is \(count): others use the object") == true)
            #expect(verdict.leave?.until == now + .seconds(86_400))
        } else {
            #expect(verdict.change?.guards.last == .atMost(key: "blob:a:refs", 1))
        }
        let byField = policy(.init(field: "key"), refs: .field("refs"))
        let own = try byField.settle(file(["key": "a", "refs": "\(count)"]))
        #expect((own.leave != nil) == (count > 1))
        #expect(own.change.map { $0.guards.last == .field("refs", equals: "\(count)") } ?? true)
    }

    @Test("a count that can't be understood is an error, and nothing there is none", arguments: ["many", "-1", "1.5"])
    func oddCount(text: String) throws {
        let policy = policy(.init(field: "key"), refs: .field("refs"))
        #expect(throws: RecordError.self) { try policy.settle(file(["key": "a", "refs": text])) }
        #expect(try policy.settle(file(["key": "a", "refs": ""])).change != nil)
        #expect(try policy.settle(file(["key": "a"])).change != nil)
    }
}
