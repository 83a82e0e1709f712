import TestNeeds
import Testing

@testable import Curfew

/// The `storage` section: what is read, and what mistakes are told as.
@Suite("storage: configuration", .tags(.pure))
struct StorageConfigurationTests {
    private func text(_ storage: String, used: String = "uploads") -> String {
        """
        redis: redis://127.0.0.1
        storage:
          uploads: {\(storage)}
        cleanups:
          files:
            policy: files
            every: 1h
            records: file:<id>
            deleted: {since: deletedAt}
            storage: \(used)
            object: key
        """
    }

    private func problems(_ text: String, _ environment: [String: String] = [:]) -> String {
        do {
            _ = try Configuration.parse(text, file: "c.yaml", environment: environment)
            return "none"
        } catch {
            return error.description
        }
    }

    private static let whole =
        "endpoint: \"https://s3.eu-west-1.amazonaws.com\", bucket: b, access-key: a, secret-key: s"

    @Test("a bucket is read, its defaults filled in")
    func read() throws {
        let plain = try Configuration.parse(text(Self.whole), file: "", environment: [:]).storage
        let endpoint = try #require(StorageEndpoint("https://s3.eu-west-1.amazonaws.com"))
        #expect(
            plain == [
                StorageConfiguration(
                    name: "uploads", endpoint: endpoint, region: "eu-west-1", bucket: "b", accessKey: "a",
                    secretKey: Secret("s"), style: .path, timeout: .seconds(60))
            ])
        let more = "\(Self.whole), region: r, session-token: \"${TOKEN}\", style: virtual-host, timeout: 5s"
        let full = try Configuration.parse(text(more), file: "", environment: ["TOKEN": "t"]).storage
        #expect(full.first?.region == "r" && full.first?.sessionToken == Secret("t"))
        #expect(full.first?.style == .virtualHost && full.first?.timeout == .seconds(5))
        #expect(full.first?.authority == "b.s3.eu-west-1.amazonaws.com")
    }

    @Test("every problem is told with its place; a secret never")
    func mistakes() {
        let wrong =
            "endpoint: s3.test, bucket: a/b, region: \"a b\", secret-key: \"${SECRET}\", style: host, timeout: 0s, buckt: x"
        let told = problems(text(wrong), ["SECRET": "hush hush"])
        #expect(
            told == """
                c.yaml:3: storage.uploads.buckt: unknown key, did you mean “bucket”? (expected one of endpoint, region, \
                bucket, access-key, secret-key, session-token, style, timeout)
                c.yaml:3: storage.uploads.endpoint: expected a URL like https://s3.eu-west-1.amazonaws.com, found “s3.test”
                c.yaml:3: storage.uploads.bucket: expected the name of a bucket, found “a/b”
                c.yaml:3: storage.uploads.region: expected a region like us-east-1, found “a b”
                c.yaml:3: storage.uploads.access-key: missing, expected the id of a key
                c.yaml:3: storage.uploads.secret-key: expected one word of visible ASCII, found something else (not shown: \
                it is a secret)
                c.yaml:3: storage.uploads.style: unknown “host” (expected one of path, virtual-host)
                c.yaml:3: storage.uploads.timeout: expected at least 1s, found “0s”
                """)
    }

    @Test("a cleanup whose storage isn't there is told so")
    func unknown() {
        #expect(
            problems(text(Self.whole, used: "upload")) == """
                c.yaml:10: cleanups.files.storage: unknown storage “upload”, did you mean “uploads”? (expected one of uploads)
                """)
        let without = text(Self.whole).split(separator: "\n").filter {
            !$0.hasPrefix("storage") && !$0.hasPrefix("  uploads")
        }
        #expect(
            problems(without.joined(separator: "\n")) == """
                c.yaml:8: cleanups.files.storage: expected the name of a bucket under storage, but storage is empty
                """)
    }

    @Test("a configuration that is printed whole shows no secret")
    func hidden() throws {
        let read = try Configuration.parse(
            text(Self.whole.replacing("secret-key: s", with: "secret-key: hushhush")), file: "", environment: [:])
        var text = ""
        dump(read.storage, to: &text)
        #expect(text.contains("uploads") && !text.contains("hushhush") && !"\(read.storage)".contains("hushhush"))
    }
}
