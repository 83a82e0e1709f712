import Policies
import RedisClient
import Synchronization
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// The client against a real S3 server, and against one that misbehaves.
@Suite("storage: the client", .tags(.ownServer), .timeLimit(.minutes(5)))
struct StorageClientTests {
    private func message(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("objects are deleted in one request, whatever they are called; one that isn't there counts as deleted")
    func deletes() async throws {
        let bucket = try await makeBucket()
        let keys = ["plain.txt", "a folder/with spaces.txt", "ünï/😀.png", "a&b<c>'d\".txt", "plus+and%2F.txt"]
        for key in keys { try await bucket.put(key, [1, 2, 3]) }
        try await bucket.put("kept", [])
        #expect(Set(try await bucket.list(prefix: "")) == Set(keys + ["kept"]))
        let outcomes = try await bucket.delete(keys + ["never was", keys[0]])
        #expect(outcomes == Array(repeating: .deleted, count: keys.count + 2))
        #expect(try await bucket.list(prefix: "") == ["kept"])
    }

    @Test("a key with control characters is deleted by its path, beside others in one request")
    func oddKeys() async throws {
        let bucket = try await makeBucket()
        for key in ["a\u{1}b", "x/\u{1B}[0m", "plain"] { try await bucket.put(key, [1]) }
        let outcomes = try await bucket.delete(["a\u{1}b", "plain", "never\u{2}was", "x/\u{1B}[0m"])
        #expect(outcomes == [.deleted, .deleted, .deleted, .deleted])
        #expect(try await bucket.presence(of: ["a\u{1}b", "x/\u{1B}[0m", "plain"]) == [.absent, .absent, .absent])
    }

    @Test("what is in a bucket is told from what isn't, in order; a bucket that isn't there is an error")
    func presence() async throws {
        let bucket = try await makeBucket()
        let keys = (0..<40).map { "a folder/ü \($0)&.txt" }
        for (number, key) in keys.enumerated() where number % 3 == 0 { try await bucket.put(key, []) }
        let found = try await bucket.presence(of: keys)
        #expect(found == keys.indices.map { $0 % 3 == 0 ? .there : .absent })
        let missing = try makeStorage(
            bucket.configuration.endpoint.text, bucket: bucket.configuration.bucket + "-not")
        let text = await message { _ = try await missing.presence(of: ["a"]) }
        #expect(text.contains("NoSuchBucket"), "\(text)")
    }

    @Test("a wrong key, an unknown key and a missing bucket are told apart, and delete nothing")
    func refusals() async throws {
        let bucket = try await makeBucket()
        try await bucket.put("kept", [1])
        let endpoint = bucket.configuration.endpoint.text
        let name = bucket.configuration.bucket
        let wrong = try makeStorage(endpoint, bucket: name, key: .init(id: "testaccess", secret: "wrong"))
        let unknown = try makeStorage(endpoint, bucket: name, key: .init(id: "nobody", secret: "wrong"))
        let missing = try makeStorage(endpoint, bucket: name + "-not")
        for (storage, expected) in [
            (wrong, "bucket \(name) at \(endpoint): SignatureDoesNotMatch"),
            (unknown, "bucket \(name) at \(endpoint): InvalidAccessKeyId"),
            (missing, "bucket \(name)-not at \(endpoint): NoSuchBucket"),
        ] {
            let text = await message { try await storage.check() }
            #expect(text.hasPrefix(expected), "\(text)")
            let deletion = await message { _ = try await storage.delete(["kept"]) }
            #expect(deletion.hasPrefix(expected) && deletion.hasSuffix(")"), "\(deletion)")
        }
        #expect(try await bucket.list(prefix: "") == ["kept"])
    }

    @Test("a key that may only read is refused object by object")
    func readOnly() async throws {
        let bucket = try await makeBucket()
        try await bucket.put("kept", [1])
        let reader = try makeStorage(
            bucket.configuration.endpoint.text, bucket: bucket.configuration.bucket, key: .reader)
        try await reader.check()
        do {
            let outcomes = try await reader.delete(["kept"])
            guard case .kept(let why) = outcomes.first else {
                Issue.record("deleted: \(outcomes)")
                return
            }
            #expect(why.contains("AccessDenied"))
        } catch let error as StorageError {
            #expect(error.message.contains("AccessDenied"))
        }
        #expect(try await bucket.list(prefix: "") == ["kept"])
    }

    @Test("a machine whose clock is wrong is told so")
    func skew() async throws {
        let bucket = try await makeBucket()
        let late = try makeStorage(
            bucket.configuration.endpoint.text, bucket: bucket.configuration.bucket,
            clock: { Timestamp(milliseconds: 1_369_353_600_000) })
        let text = await message { try await late.check() }
        #expect(text.contains("RequestTimeTooSkewed") && text.contains("clock"), "\(text)")
    }

    @Test("a server that isn't there, and one that says nothing")
    func unreachable() async throws {
        let port = try freePort()
        let absent = try makeStorage("http://127.0.0.1:\(port)", bucket: "b")
        let text = await message { try await absent.check() }
        #expect(text.hasPrefix("bucket b at http://127.0.0.1:\(port): no connection"), "\(text)")
        #expect(text.hasSuffix("tried 4 times"), "\(text)")
        try await ObjectGateway.withGateway(decision: { _, _, _ in .silence }) { gateway in
            let silent = try makeStorage(gateway.endpoint, bucket: "b", timeout: .milliseconds(200))
            let text = await message { try await silent.check() }
            #expect(text.contains("no answer within 200ms; tried 4 times"), "\(text)")
            #expect(gateway.requests.count == ObjectStorage.mostTries)
        }
    }

    @Test("a busy server is asked again, and not more often than four times", arguments: [429, 500, 502, 503, 504])
    func busy(status: Int) async throws {
        let reply = ObjectGateway.Reply(status, "<Error><Code>SlowDown</Code><Message>later</Message></Error>")
        let good = ObjectGateway.Reply(200, "<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>")
        try await ObjectGateway.withGateway(decision: { number, _, _ in .reply(number < 3 ? reply : good) }) {
            gateway in
            let storage = try makeStorage(gateway.endpoint, bucket: "b")
            #expect(try await storage.delete(["a"]) == [.deleted])
            #expect(gateway.requests.count == 3)
        }
        try await ObjectGateway.withGateway(decision: { _, _, _ in .reply(reply) }) { gateway in
            let storage = try makeStorage(gateway.endpoint, bucket: "b")
            let text = await message { _ = try await storage.delete(["a"]) }
            #expect(text == "bucket b at \(gateway.endpoint): SlowDown: later; tried 4 times")
            #expect(gateway.requests.count == ObjectStorage.mostTries)
        }
    }

    @Test("an error in an answer of 200 is an error, and passes or doesn't by its code")
    func lateErrors() async throws {
        for (code, tries) in [("InternalError", 4), ("AccessDenied", 1)] {
            let reply = ObjectGateway.Reply(200, "  <?xml version=\"1.0\"?><Error><Code>\(code)</Code></Error>")
            try await ObjectGateway.withGateway(decision: { _, _, _ in .reply(reply) }) { gateway in
                let storage = try makeStorage(gateway.endpoint, bucket: "b")
                let text = await message { _ = try await storage.delete(["a"]) }
                #expect(text.contains(": \(code)"), "\(text)")
                #expect(gateway.requests.count == tries)
            }
        }
    }

    @Test("an answer that is cut in half, no XML, too long or another document says so and counts for nothing")
    func damaged() async throws {
        let good = ObjectGateway.Reply(200, "<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>")
        let answers: [(ObjectGateway.Answer, String)] = [
            (.half(good), "closed before the answer was complete"), (.hangUp, "closed before the answer was complete"),
            (.reply(.init(200, "<html><br></html>")), "the answer is not XML"),
            (.reply(.init(200, "")), "the answer is not XML"),
            (.reply(.init(200, "<Other/>")), "expected a DeleteResult in the answer, found <Other>"),
            (.reply(.init(200, String(repeating: " ", count: 5 << 20))), "the answer is longer than 4 MiB"),
            (.reply(.init(301, "<Error><Code>PermanentRedirect</Code></Error>")), "check region and endpoint"),
            (.reply(.init(404, "not found")), "HTTP 404"),
        ]
        for (answer, expected) in answers {
            try await ObjectGateway.withGateway(decision: { _, _, _ in answer }) { gateway in
                let storage = try makeStorage(gateway.endpoint, bucket: "b")
                let text = await message { _ = try await storage.delete(["a"]) }
                #expect(text.hasPrefix("bucket b at \(gateway.endpoint): "), "\(text)")
                #expect(text.contains(expected), "\(text)")
            }
        }
    }

    @Test("the pause that a server asks for is kept, up to a bound")
    func retryAfter() {
        var pace = ObjectStorage.Pace()
        pace.backoff.first = .milliseconds(100)
        #expect(pace.pause(failures: 1, asked: .seconds(3), jitter: 0) == .seconds(3))
        #expect(pace.pause(failures: 1, asked: .seconds(3_600), jitter: 0) == .seconds(10))
        #expect(pace.pause(failures: 1, asked: nil, jitter: 0.5) == .milliseconds(100))
        #expect(pace.pause(failures: 3, asked: nil, jitter: 0) == .milliseconds(200))
        #expect(pace.pause(failures: 60, asked: nil, jitter: 1) == .seconds(15))
    }

    @Test("what asks to stop is heard before every try")
    func checkpoint() async throws {
        let reply = ObjectGateway.Reply(503)
        try await ObjectGateway.withGateway(decision: { _, _, _ in .reply(reply) }) { gateway in
            let storage = try makeStorage(gateway.endpoint, bucket: "b")
            let calls = Mutex(0)
            await #expect(throws: RunControl.Stop.lost) {
                try await storage.delete(["a"]) {
                    let isSecond = calls.withLock { calls in
                        calls += 1
                        return calls > 1
                    }
                    if isSecond { throw RunControl.Stop.lost }
                }
            }
            #expect(gateway.requests.count == 1)
        }
    }

    @Test("a request says who asks, for which host, with the MD5 that strict servers want")
    func headers() async throws {
        let reply = ObjectGateway.Reply(200, "<DeleteResult/>")
        try await ObjectGateway.withGateway(decision: { _, _, _ in .reply(reply) }) { gateway in
            let storage = try makeStorage(gateway.endpoint, bucket: "b")
            #expect(try await storage.delete(["a"]) == [.kept("the answer doesn't mention it")])
            let request = try #require(gateway.requests.first)
            #expect(request.method == "POST" && request.target == "/b?delete=" && request.isDeletion)
            #expect(request.headers["host"] == String(gateway.endpoint.dropFirst("http://".count)))
            #expect(request.headers["content-md5"] == S3Signature.contentMD5(request.body))
            #expect(request.headers["x-amz-content-sha256"] == S3Signature.hash(request.body))
            #expect(request.headers["user-agent"] == "curfew/\(CurfewVersion.current)")
            #expect(request.headers["authorization"]?.contains("testsecret123") == false)
        }
    }
}
