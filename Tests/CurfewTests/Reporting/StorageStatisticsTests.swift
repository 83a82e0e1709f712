import Policies
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// What `curfew stats` and `curfew doctor` say of files and of storage.
@Suite("storage: statistics and doctor", .tags(.ownServer), .everyTopology, .timeLimit(.minutes(5)))
struct StorageStatisticsTests {
    private func read(_ scene: StorageScene, _ name: String = "files") async throws -> Statistics {
        try await Statistics.read(
            scene.sweep.engine, scene.sweep.cleanup(name), control: RunControl(trust: nil, timeout: .seconds(60)))
    }

    @Test("files, orphans past their time, soft deletions, claims and bytes are counted")
    func counts() async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            let young = String(scene.sweep.began.milliseconds)
            for number in 0..<300 { try await scene.orphan("o\(number)", isStored: false) }
            try await scene.orphan("linked", isStored: false, fields: ["entityId": "e", "size": "7"])
            try await scene.orphan("young", isStored: false, fields: ["uploadedAt": young])
            try await scene.orphan("deleted", isStored: false, fields: ["deletedAt": young])
            try await scene.orphan("claimed", isStored: false, fields: ["status": "deleting"])
            try await scene.orphan("odd", isStored: false, fields: ["uploadedAt": "yesterday", "size": "many"])
            _ = try await scene.sweep.send("SET", "unrelated", "x")
            let statistics = try await read(scene)
            #expect(statistics.tracked == 305 && statistics.due == 305 && statistics.oldestOverdueMs > 0)
            var files = Statistics.Files()
            files.totalFiles = 305
            // The claimed one is an orphan until it is deleted.
            files.orphanedCount = 301
            files.softDeletedCount = 1
            files.claimedCount = 1
            files.unreadableCount = 1
            files.totalStorageBytes = 30_307
            files.orphanedBytes = 30_100
            files.isComplete = true
            #expect(statistics.files == files)
        }
    }

    @Test("a count that is stopped says that it isn't complete; nothing tracked is nothing due")
    func stopped() async throws {
        try await withStorageScene(try await makeBucket()) { scene in
            let empty = try await read(scene)
            #expect(empty.tracked == 0 && empty.due == 0 && empty.oldestOverdueMs == 0)
            #expect(empty.files?.isComplete == true && empty.files?.totalFiles == 0)
            try await scene.orphan("a", isStored: false)
            let control = RunControl(trust: nil, timeout: .zero)
            let cleanup = try scene.sweep.cleanup("files")
            let statistics = try await Statistics.read(scene.sweep.engine, cleanup, control: control)
            #expect(statistics.files?.isComplete == false && statistics.tracked == 1)
        }
    }

    @Test("cleanups of other kinds have no files")
    func others() async throws {
        try await withStorageScene(try await makeBucket(), cleanup: SweepCleanups.locks) { scene in
            try await scene.sweep.write("lock:a", ["acquired_at": "1"], index: "locks", id: "a")
            let statistics = try await read(scene, "generation-locks")
            #expect(statistics.files == nil && statistics.tracked == 1 && statistics.policy == "locks")
        }
    }

    @Test("the doctor knows whether a bucket answers, and why it doesn't")
    func doctor() async throws {
        let bucket = try await makeBucket()
        let place = bucket.configuration.place
        let cases: [(String?, ObjectStore.Key, Doctor.Finding.State, String)] = [
            (nil, .admin, .ok, "\(place) answers in"),
            (nil, .init(id: "testaccess", secret: "wrong"), .problem, "SignatureDoesNotMatch"),
            ("\(bucket.configuration.bucket)-not", .admin, .problem, "NoSuchBucket"),
        ]
        for (name, key, state, text) in cases {
            try await withStorageScene(bucket, bucketName: name, key: key) { scene in
                let findings = await Doctor(engine: scene.sweep.engine).storage()
                #expect(findings.map(\.check) == ["storage uploads"] && findings.map(\.state) == [state])
                #expect(findings[0].message.contains(text), "\(findings[0].message)")
            }
        }
    }
}
