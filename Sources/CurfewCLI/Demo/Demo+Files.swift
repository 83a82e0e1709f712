internal import Curfew
internal import Policies

/// Files: deleted on a real S3 server where there is one, else only shown.
extension Demo {
    /// The bucket; nil where this machine has no S3 server.
    var storage: ObjectStorage? {
        guard store != nil, let configuration = engine.configuration.storage.first else { return nil }
        return ObjectStorage(configuration)
    }

    /// Puts the files' objects into the bucket, and lets the instances take them up.
    func storeFiles(_ workload: DemoWorkload) async throws {
        guard let store, let storage else { return }
        try await store.makeBucket(storage, within: Self.patience)
        let count = try await workload.files.store(in: storage)
        stage.say("\(count) objects are in the bucket \(EmbeddedStore.bucket); files, paused until now, is resumed.")
        _ = try await Operations(engine: engine).resume("files", by: "the demo")
    }

    /// What a run would delete, where there is nothing to delete it from.
    func previewFiles() async throws -> RunResult? {
        guard store == nil else { return nil }
        let result = try await Preview(engine: engine).run(try engine.cleanup(named: "files"))
        stage.say("curfew preview files: \(result.message); \(Int(result.bytesFreed).grouped) bytes of storage")
        if let first = result.records.first { stage.say("  such as \(first.id): \(first.reason)", .dim) }
        return result
    }
}
