internal import Curfew
internal import Policies

/// Files: deleted on a real S3 server if there is one, otherwise only previewed.
extension Demo {
    /// The bucket; nil if this machine has no S3 server.
    var storage: ObjectStorage? {
        guard store != nil, let configuration = engine.configuration.storage.first else { return nil }
        return ObjectStorage(configuration)
    }

    /// Puts the files' objects into the bucket, then resumes the cleanup.
    func storeFiles(_ workload: DemoWorkload) async throws {
        guard let store, let storage else { return }
        try await store.makeBucket(storage, within: Self.patience)
        let count = try await workload.files.store(in: storage)
        stage.say("\(count) objects are in the bucket \(EmbeddedStore.bucket). files was paused and is resumed.")
        _ = try await Operations(engine: engine).resume("files", by: "the demo")
    }

    /// Previews what a run would delete, if there is no S3 server.
    func previewFiles() async throws -> RunResult? {
        guard store == nil else { return nil }
        let result = try await Preview(engine: engine).run(try engine.cleanup(named: "files"))
        stage.say("curfew preview files: \(result.message); \(Int(result.bytesFreed).grouped) bytes of storage")
        if let first = result.records.first { stage.say("  for example \(first.id): \(first.reason)", .dim) }
        return result
    }
}
