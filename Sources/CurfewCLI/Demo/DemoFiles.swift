internal import Curfew
internal import Policies
internal import RedisClient

/// Uploaded files, each with an object in storage: owned, orphaned, soft-deleted, or not linked yet.
struct DemoFiles: Sendable {
    /// A kind of file.
    struct Kind: Sendable {
        let name: String
        let count: Int
        /// How many hours ago they were uploaded.
        let hours: Int
        var owner = ""
        /// How many days ago they were soft-deleted.
        var deletedDays: Int?
        /// Whether the object is already gone.
        var isHollow = false
        /// Whether they must be deleted.
        let goes: Bool
    }

    /// The size of each object in bytes.
    static let size = 1_024

    /// All kinds.
    let kinds = [
        Kind(name: "orphan", count: 60, hours: 30, goes: true),
        Kind(name: "hollow", count: 5, hours: 30, isHollow: true, goes: true),
        Kind(name: "trashed", count: 30, hours: 300, owner: "e1", deletedDays: 8, goes: true),
        Kind(name: "restorable", count: 20, hours: 300, owner: "e1", deletedDays: 2, goes: false),
        Kind(name: "linked", count: 40, hours: 300, owner: "e2", goes: false),
        Kind(name: "uploading", count: 10, hours: 1, goes: false),
    ]

    /// The number of files.
    var count: Int { kinds.reduce(0) { $0 + $1.count } }
    /// The files that must be deleted.
    var going: [String] { kinds.filter(\.goes).flatMap(\.ids) }
    /// The files that must stay.
    var staying: [String] { kinds.filter { !$0.goes }.flatMap(\.ids) }
    /// How much storage the deletion frees: an absent object frees nothing.
    var storedBytes: Int64 {
        Int64(kinds.filter { $0.goes && !$0.isHollow }.reduce(0) { $0 + $1.count } * Self.size)
    }
    /// The objects that must stay.
    var stayingObjects: [String] { staying.map(Self.object) }

    /// Writes the records.
    ///
    /// There is no index, so Curfew finds them by a scan.
    func commands(_ now: Timestamp) -> [RedisCommand] {
        kinds.flatMap { kind in
            kind.ids.map { id in
                var fields = [
                    "uploadedAt", (now - .seconds(kind.hours * 3_600)).iso8601, "entityId", kind.owner, "r2Key",
                    Self.object(id), "size", String(Self.size),
                ]
                if let days = kind.deletedDays { fields += ["deletedAt", (now - .seconds(days * 86_400)).iso8601] }
                return RedisCommand("HSET", ["file:\(id)"] + fields)
            }
        }
    }

    /// Puts the objects into the bucket; returns their number.
    func store(in storage: ObjectStorage) async throws -> Int {
        let body = [UInt8](repeating: 0x2E, count: Self.size)
        let ids = kinds.filter { !$0.isHollow }.flatMap(\.ids)
        for id in ids { try await storage.put(Self.object(id), body) }
        return ids.count
    }

    private static func object(_ id: String) -> String { "files/\(id).png" }
}

extension DemoFiles.Kind {
    /// The ids of the files of this kind.
    var ids: [String] { (0..<count).map { "\(name)-\($0)" } }
}
