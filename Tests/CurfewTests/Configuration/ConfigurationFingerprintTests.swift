import TestNeeds
import Testing

@testable import Curfew

@Suite("The fingerprint of a configuration", .tags(.pure))
struct ConfigurationFingerprintTests {
    private func fingerprint(_ text: String, _ environment: [String: String] = [:]) throws -> String {
        try Configuration.parse(text, file: "c", environment: environment).fingerprint
    }

    private static let base = """
        redis: redis://127.0.0.1
        worker: {lease: 5m, concurrency: 2}
        cleanups:
          a: {policy: locks, records: "l:<id>", every: 1h, timeout: 1m, since: [at]}
        """

    @Test("order, comments, quotes, notation and the server don't change it")
    func sameMeaning() throws {
        let other = """
            cleanups:
              a:
                timeout: 60s   # a minute
                since: at
                every: "60m"
                records: ${PREFIX}:<id>
                policy: 'locks'
            worker:
              concurrency: "2"
              lease: 300s
            redis: redis://:secret@10.0.0.1:7000/3
            """
        #expect(try fingerprint(Self.base) == fingerprint(other, ["PREFIX": "l"]))
    }

    @Test("it is the FNV-1a hash of the canonical form")
    func reference() throws {
        // FNV-1a 64 of "{8:cleanups={}}", worked out by another program.
        #expect(try fingerprint("redis: redis://127.0.0.1\ncleanups: {}") == "7a4d90206015ac57")
    }

    @Test("another meaning is another fingerprint", arguments: [("5m", "6m"), ("[at]", "[at, on]"), ("a:", "b:")])
    func otherMeaning(from: String, to: String) throws {
        #expect(try fingerprint(Self.base) != fingerprint(Self.base.replacing(from, with: to)))
    }
}
