import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the shapes of keys", .tags(.pure))
struct KeyTreeTests {
    private static func templates(_ keys: [String], _ limits: KeyTree.Limits = KeyTree.Limits()) -> [String: Int] {
        var tree = KeyTree(limits: limits)
        for key in keys { tree.add(key.held) }
        return Dictionary(tree.shapes().map { ($0.template.readable, $0.count) }) { $0 + $1 }
    }

    @Test(
        "keys with ids of any kind have one template",
        arguments: [
            (["job:1", "job:22", "job:3:log"], ["job:<id>": 2, "job:<id>:log": 1]),
            (["job:7f3b9c0d-2e4a-4815-9c3d-0a1b2c3d4e5f", "job:12"], ["job:<id>": 2]),
            (["{user:u1}:tokens", "{user:u2}:tokens"], ["{user:<id>}:tokens": 2]),
            (["shop/cart/8f3a9c0d11", "shop/cart/77aa9c0d12"], ["shop/cart/<id>": 2]),
            (["render.job.12", "render.job.13"], ["render.job.<id>": 2]),
            (["task-meta-7f3b9c0d-2e4a-4815-9c3d-0a1b2c3d4e5f"], ["task-meta-<id>": 1]),
            (["session_42", "session_43"], ["session_<id>": 2]),
            (["api:v1:job:7", "api:v2:job:8"], ["api:v1:job:<id>": 1, "api:v2:job:<id>": 1]),
            (["mail:ada@example.org", "mail:bo@example.org"], ["mail:<id>": 2]),
            (["stat:2026-11-21", "stat:2026-11-22"], ["stat:<id>": 2]),
            (["tenant:7:job:1", "tenant:8:job:2"], ["tenant:<tenant>:job:<id>": 2]),
            (["lock:file:a-1", "lock:image:a-1"], ["lock:file:<id>": 1, "lock:image:<id>": 1]),
            (["queues", "queue:mail"], ["queues": 1, "queue:mail": 1]),
            (["größe:7", "größe:8"], ["größe:<id>": 2]),
        ])
    func ids(_ keys: [String], _ expected: [String: Int]) {
        #expect(Self.templates(keys) == expected)
    }

    @Test("names become a gap where there are many of them, or four with the same below them; a structure stays")
    func names() {
        let people = ["ada", "bo", "cleo", "dan", "eve"]
        #expect(Self.templates(people.map { "user:\($0)" }) == ["user:<id>": 5])
        #expect(Self.templates(people.prefix(3).map { "user:\($0)" }).count == 3)
        let words = (0..<500).map { number in
            String(number).map { "qwzxvkpyjm"[String.Index(utf16Offset: Int(String($0)) ?? 0, in: "qwzxvkpyjm")] }
        }
        let keys = words.map { "mail:\(String($0))" } + ["mail:active", "mail:failed", "mail:events"]
        #expect(
            Self.templates(keys) == ["mail:<id>": 500, "mail:active": 1, "mail:failed": 1, "mail:events": 1])
    }

    @Test("a single name beside ids is one of them, but not where it has something else below it")
    func beside() {
        #expect(Self.templates(["job:1", "job:2", "job:first"]) == ["job:<id>": 3])
        let found = Self.templates(["job:1", "job:2", "job:kinds:slow:x"])
        #expect(found == ["job:<id>": 2, "job:kinds:slow:x": 1])
    }

    @Test("whatever the keys are, memory is bounded and no key is lost", arguments: [1, 2, 3] as [UInt64])
    func bounds(_ seed: UInt64) {
        var random = Seeded(seed)
        var limits = KeyTree.Limits()
        (limits.places, limits.kept, limits.sample) = (2_000, 3_000, 100)
        var tree = KeyTree(limits: limits)
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789:/{}.-_#|é<>")
        for _ in 0..<30_000 {
            let length = Int.random(in: 1...30, using: &random)
            tree.add(String((0..<length).map { _ in letters.randomElement(using: &random) ?? ":" }).held)
        }
        let shapes = tree.shapes()
        #expect(shapes.reduce(0) { $0 + $1.count } + tree.omitted == 30_000, "seed \(seed)")
        #expect(shapes.count <= limits.places, "seed \(seed)")
        #expect(shapes.reduce(0) { $0 + $1.keys.count } <= limits.kept + limits.places, "seed \(seed)")
    }

    @Test("every key of a sample is one of its shape, whose template makes it again")
    func samples() throws {
        var tree = KeyTree()
        for number in 0..<5_000 {
            tree.add("user:{u\(number % 70)}:job-\(number)")
            tree.add("shop:cart:\(number)/items")
        }
        for shape in tree.shapes() {
            #expect(shape.keys.count == 2_000)
            for key in shape.keys where shape.gaps.count == 1 {
                let value = try #require(shape.values(in: key).first)
                #expect(shape.key(value) == key)
            }
        }
    }
}
