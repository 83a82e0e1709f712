import Logging
import Policies
import RedisClient
import TestSupport
import Testing

@testable import Curfew

/// A private Redis or Cluster, and a bucket of its own on the S3 server that all tests share.
struct StorageScene: Sendable {
    let sweep: SweepScene
    /// The bucket, with a key that may do everything and past any gateway.
    let bucket: ObjectStorage

    /// When files were uploaded long enough ago.
    var long: String { String((sweep.began - .seconds(40 * 86_400)).milliseconds) }

    /// Writes a file that nobody has linked: its record, its entry in the index and, unless told otherwise, its object.
    func orphan(_ id: String, object: String? = nil, isStored: Bool = true, fields: [String: String] = [:]) async throws
    {
        let object = object ?? "objects/\(id)"
        if isStored { try await bucket.put(object, Array("bytes of \(id)".utf8)) }
        var record = ["uploadedAt": long, "r2Key": object, "size": "100", "status": "ready"]
        record.merge(fields) { _, new in new }
        try await sweep.write("file:\(id)", record, index: "files", id: id)
    }

    func record(_ id: String) async throws -> [String: String] { try await sweep.hash("file:\(id)") }

    func exists(_ id: String) async throws -> Bool {
        try await sweep.send("EXISTS", "file:\(id)").integer == 1
    }

    func objects() async throws -> [String] { try await bucket.list(prefix: "") }

    /// That nothing points to nowhere, and nothing is forgotten: the rule that holds at every moment.
    ///
    /// A record without its object is claimed, and in the index so that it is found again.
    func expectNothingLost() async throws {
        let objects = Set(try await objects())
        let keys = try await sweep.names("file:*")
        var named: Set<String> = []
        for key in keys {
            let record = try await sweep.hash(key)
            let object = record["r2Key"] ?? ""
            named.insert(object)
            if !objects.contains(object) { #expect(record["status"] == "deleting", "\(key) has lost its object") }
            let id = String(key.dropFirst("file:".count))
            if record["status"] == "deleting" { #expect(try await sweep.score(id, in: "files") != nil) }
        }
        #expect(objects.subtracting(named).isEmpty, "objects that no record names")
    }

    static let cleanup = """
        files:
          policy: files
          every: 1h
          records: file:<id>
          index: files
          since: [uploadedAt]
          orphan: {unless: entityId, after: 24h}
          deleted: {since: deletedAt, after: 7d}
          storage: uploads
          object: r2Key
          size: size
          guard: {share: 100%, beyond: 1000000}
        """
}

/// Runs a body on a scene with a bucket.
///
/// - Parameters:
///   - endpoint: where the sweep finds storage, if not at the server itself: at a gateway, or nowhere.
///   - key: what the sweep signs with.
func withStorageScene(
    _ bucket: ObjectStorage, endpoint: String? = nil, bucketName: String? = nil, key: ObjectStore.Key = .admin,
    timeout: String = "60s", cleanup: String = StorageScene.cleanup, settings: String = "",
    _ body: (StorageScene) async throws -> Void
) async throws {
    let storage = """
        storage:
          uploads:
            endpoint: \(endpoint ?? bucket.configuration.endpoint.text)
            bucket: \(bucketName ?? bucket.configuration.bucket)
            access-key: \(key.id)
            secret-key: \(key.secret)
            timeout: \(timeout)
        """
    try await withSweepScene(cleanup, settings: "\(storage)\n\(settings)") { scene in
        try await body(StorageScene(sweep: scene, bucket: bucket))
    }
}

/// Ends every connection to a Redis, or to all nodes of a Cluster, but those that say so.
func killConnections(to redis: RedisConfiguration) async throws {
    try await RedisClient.withClient(redis, logger: Logger(label: "test")) { other in
        for node in try await other.primaries() {
            let kill = RedisCommand("CLIENT", ["KILL", "TYPE", "normal", "SKIPME", "yes"])
            _ = try await other.send(kill, to: node)
        }
    }
}
