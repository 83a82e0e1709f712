import Policies

/// Made-up policies for records that grow too old: batches, plans, history and files.
extension Workload {
    mutating func paused() -> PausedPolicy {
        let stale = Int.random(in: 1...3_600, using: &generator)
        let warn = stale + generator.pick([0, 60, 1_800])
        return PausedPolicy(
            states: ["PROCESSING"], since: ["startedAt", "updatedAt"], stale: .seconds(stale), warn: .seconds(warn),
            timeout: .seconds(warn + generator.pick([0, 60, 5_400])), timeoutOverride: override())
    }

    mutating func dependent() throws -> DependentPolicy {
        DependentPolicy(
            states: ["PROCESSING"], since: ["startedAt", "updatedAt"], parent: try KeyTemplate("parent:<worker>"),
            parentStates: ["RUNNING"], to: generator.pick(["DRAFT", "cancelled"]), timeoutOverride: override())
    }

    mutating func retention() throws -> RetentionPolicy {
        let also = try ["job:<id>:log", "user:<user>:job:<id>"].map { text in try KeyTemplate(text) }
        let states = generator.pick([nil, ["PROCESSING", "failed"]])
        return RetentionPolicy(
            states: states, since: ["startedAt", "updatedAt"], keep: .seconds(3_600),
            keeps: generator.pick([nil, TimesByType(by: "tier", byType: ["4K": .seconds(7_200), "SD": .seconds(60)])]),
            also: generator.pick([[], [also[0]], also]), timeoutOverride: override())
    }

    mutating func files() -> FilesPolicy {
        let deleted = FilesPolicy.Deleted(since: "deletedAt", after: .seconds(generator.pick([600, 7_200])))
        let mark = generator.pick([nil, "deletedAt"])
        let orphan = FilesPolicy.Orphan(unless: "owner", after: .seconds(3_600), mark: mark)
        let hasBoth = mark != nil || generator.chance(50)
        let hasOrphan = hasBoth || generator.chance(50)
        return FilesPolicy(
            since: ["startedAt", "updatedAt"], orphan: hasOrphan ? orphan : nil,
            deleted: hasBoth || !hasOrphan ? deleted : nil, storage: "uploads", objects: [.init(field: "object")],
            size: generator.pick([nil, "size"]), timeoutOverride: generator.pick([nil, nil, .seconds(100)]))
    }

    private mutating func override() -> Duration? {
        generator.pick([nil, nil, nil, .seconds(100), .zero])
    }
}
