internal import Crypto
package import Foundation
package import Policies
internal import RedisClient

/// What a preview found, to be done later exactly so: the file of `curfew preview NAME --out plan.json`.
///
/// It names each record with a fingerprint of its change: what the change rests on and what it does, without the times that
/// move with the clock. A run with the plan makes a change only where it still has that fingerprint. The digest shows that
/// the file is as it was written; it is no signature, since whoever may run a plan may also run without one.
package struct Plan: Sendable, Equatable, Codable {
    /// The version of the format.
    package static let version = 1
    /// The most records that a plan holds.
    package static let mostRecords = 100_000
    /// The most bytes that a plan is read with.
    package static let mostBytes = 64 << 20

    /// One change.
    package struct Entry: Sendable, Equatable, Codable {
        /// The record.
        package var id: String
        /// What is to be done.
        package var action: String
        /// The status before and after.
        package var from: String, to: String
        /// What is given back.
        package var tokens: Amount
        /// Why.
        package var reason: String
        /// What the change rests on and what it does, as a hash.
        package var fingerprint: String
    }

    /// The version of the format it is written in.
    package var version: Int
    /// The cleanup.
    package var cleanup: String
    /// Its policy.
    package var policy: String
    /// The fingerprint of the cleanup's configuration.
    package var configuration: String
    /// When it was made: ISO 8601, by the server's clock.
    package var madeAt: String
    /// The timeout that was used in place of the configured ones, in milliseconds.
    package var timeoutMs: Int64?
    /// How many changes the preview found; more than ``records`` where they were too many.
    package var total: Int
    /// The changes.
    package var records: [Entry]
    /// The SHA-256 of all the rest, in canonical form.
    package var digest: String

    /// Makes a plan and its digest.
    init(cleanup: Cleanup, madeAt: String, timeout: Duration?, total: Int, records: [Entry]) {
        version = Self.version
        self.cleanup = cleanup.name
        policy = cleanup.kind.rawValue
        configuration = cleanup.fingerprint
        self.madeAt = madeAt
        timeoutMs = timeout?.milliseconds
        self.total = total
        self.records = records
        digest = ""
    }

    /// The file's content: JSON on one line, keys sorted; what is no UTF-8 in it is escaped, and read back as it was.
    package func data() throws -> Data {
        var plan = self
        plan.digest = try plan.computedDigest()
        return Data(ByteText.json(try Self.encoder.encode(plan))) + Data("\n".utf8)
    }

    /// Reads a plan for this cleanup; refuses one of another cleanup, of another configuration, or altered by hand.
    ///
    /// - Parameter file: its name in messages.
    package init(_ data: Data, file: String, for cleanup: Cleanup) throws(CurfewError) {
        struct Version: Decodable { var version: Int }
        func refused(_ why: String) -> CurfewError { CurfewError(.usage, "\(file): \(why)") }
        guard data.count <= Self.mostBytes else {
            throw refused(
                "has more than \(Self.mostBytes >> 20) MiB: expected a plan of “curfew preview NAME --out FILE”")
        }
        let data = Data(ByteText.heldJSON(data))
        let isIntact: Bool
        do {
            let version = try JSONDecoder().decode(Version.self, from: data).version
            guard version == Self.version else {
                throw refused("is a plan of version \(version): expected version \(Self.version)")
            }
            self = try JSONDecoder().decode(Plan.self, from: data)
            isIntact = try digest == computedDigest()
        } catch let error as CurfewError {
            throw error
        } catch {
            throw refused("is no plan: expected the JSON that “curfew preview NAME --out FILE” writes")
        }
        guard isIntact else {
            throw refused("was altered since it was made: its digest is not that of its content; make a new one")
        }
        guard self.cleanup == cleanup.name else {
            throw refused("is a plan for \(self.cleanup): expected one for \(cleanup.name)")
        }
        guard configuration == cleanup.fingerprint else {
            throw refused("was made under another configuration of \(cleanup.name); make a new one")
        }
        guard records.count <= Self.mostRecords else {
            throw refused("has \(records.count) records: expected at most \(Self.mostRecords)")
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    private func computedDigest() throws -> String {
        var plan = self
        plan.digest = ""
        return SHA256.hash(data: ByteText.json(try Self.encoder.encode(plan))).hexadecimal
    }
}
