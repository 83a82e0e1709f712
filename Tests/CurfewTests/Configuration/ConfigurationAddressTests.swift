import RedisClient
import TestNeeds
import Testing

@testable import Curfew

/// A password from the environment is any text, and an address has characters of its own.
@Suite("Passwords in addresses", .tags(.pure))
struct ConfigurationAddressTests {
    /// As providers and people make them.
    private static let passwords = [
        "plain", "sJ3RAYk+8y1/hp=", "p@ss#1", "abc%41d", "50%off", "a:b:c", "?x=1&y", "[::1]", "with blank", "tab\t",
        "${A}",
        "$$", "pä§wörd", "//", "%", ":", "@", "redis://u:p@h", "\u{10FFE9}", "e\u{301}",
    ]

    private static func parse(_ lines: String..., password: String) throws -> Configuration {
        let text = lines.joined(separator: "\n") + (lines.contains { $0.hasPrefix("cleanups") } ? "" : "\ncleanups: {}")
        let environment = ["P": password, "U": "ada", "BOTH": "ada:\(password)", "H": "example", "NONE": ""]
        return try Configuration.parse(text, file: "c", environment: environment)
    }

    @Test("any password before the host of a Redis URL means itself", arguments: passwords)
    func redis(password: String) throws {
        for url in [
            "redis://:${P}@127.0.0.1:7/3", "rediss://ada:${P}@${H}:7/3", "redis://${U}:${P}@${H}/3",
            "redis://${BOTH}@h/3", "redis+sentinel://ada:${P}@a,b/main/3", "redis+unix://:${P}@/run/x?db=3",
        ] {
            let read = try Self.parse("redis: \"\(url)\"", password: password).redis
            #expect(read.credentials?.password == password, "\(url)")
            #expect([nil, "ada"].contains(read.credentials?.user), "\(url)")
            #expect(read.database == 3, "\(url)")
        }
    }

    @Test("what the file itself writes there is percent-encoded, and so is a URL that is all a variable's")
    func written() throws {
        let parts = try Self.parse("redis: redis://a%40b:p%2B${P}%2F@h", password: "%41/").redis.credentials
        #expect(parts?.user == "a@b" && parts?.password == "p+%41//")
        let whole = try Self.parse("redis: ${P}", password: "redis://ada:p%40ss@h:1/2").redis
        #expect(whole.credentials?.password == "p@ss" && whole.database == 2)
        let host = try Self.parse("redis: redis://${P}/2", password: "ada:p%40ss@h:1").redis
        #expect(host.credentials?.password == "p@ss" && host.address == .host("h", port: 1))
    }

    @Test("any password of Sentinels in an option means itself", arguments: passwords)
    func sentinels(password: String) throws {
        let url = "redis+sentinel://ada:${P}@a/main?sentinel-user=${U}&sentinel-password=${P}"
        let read = try Self.parse("redis: \"\(url)\"", password: password).redis
        guard case .sentinel(let sentinel) = read.topology else { return #expect(Bool(false), "no Sentinels") }
        #expect(sentinel.credentials == .init(user: "ada", password: password))
    }

    @Test("any password under its own key means itself", arguments: passwords)
    func ownKey(password: String) throws {
        let read = try Self.parse(
            "redis: redis://h/3", "redis-user: \"${U}\"", "redis-password: \"${P}\"", password: password)
        #expect(read.redis.credentials == .init(user: "ada", password: password) && read.redis.database == 3)
        let alone = try Self.parse("redis: redis+cluster://h", "redis-password: \"${P}\"", password: password)
        #expect(alone.redis.credentials == .init(password: password))
    }

    @Test("a password that the environment leaves empty is none; a user needs one, and two places are one too many")
    func ownKeys() throws {
        let empty = try Self.parse("redis: redis://h", "redis-password: \"${NONE:-}\"", password: "x")
        #expect(empty.redis.credentials == nil)
        #expect(throws: ConfigurationError.self) {
            try Self.parse("redis: redis://h", "redis-user: ada", password: "x")
        }
        for password in ["\"\"", "${NONE:-}"] {
            let open = try Self.parse(
                "redis: redis://h", "redis-user: ada", "redis-password: \(password)", password: "x")
            #expect(open.redis.credentials == .init(user: "ada", password: ""))
        }
        do {
            _ = try Self.parse("redis: redis://:a@h", "redis-password: s3cr3t", password: "x")
            Issue.record("accepted")
        } catch let error as ConfigurationError {
            #expect(
                error.description
                    == "c:2: redis-password: the redis URL also has a user or a password: expected "
                    + "them in one place only")
        }
    }

    @Test("any password before the host of a webhook or a ping means itself", arguments: passwords)
    func web(password: String) throws {
        let read = try Self.parse(
            "redis: redis://h", "webhooks: {ops.1: {url: \"https://ada:${P}@${H}/x\", on: alert}}",
            "cleanups: {a: {policy: locks, records: 'l:<id>', every: 1h, timeout: 1m, since: [at], "
                + "ping: \"https://:${P}@h/${U}\"}}",
            password: password)
        let address = try #require(read.webhooks.first?.address)
        #expect(address.credentials?.user == "ada" && address.credentials?.password.revealed == password)
        #expect(address.revealed == "https://example/x")
        #expect(read.cleanups.first?.ping?.credentials?.password.revealed == password)
    }
}
