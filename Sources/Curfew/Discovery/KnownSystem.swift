/// A job system whose keys are known, and for which there is a preset.
struct KnownSystem: Sendable {
    /// The name of its preset.
    let name: String
    /// Whether a key is one of its keys.
    let owns: @Sendable (String) -> Bool
    /// Whether a key of it shows that it is really this system.
    let isMark: @Sendable (String) -> Bool
    /// What its keys begin with where that differs, from one of its marks; nil where it is the usual.
    var prefix: @Sendable (String) -> String? = { _ in nil }

    private static func begins(_ key: String, _ starts: String...) -> Bool { starts.contains { key.hasPrefix($0) } }

    /// All of them; the first that owns a key has it.
    static let all: [KnownSystem] = [
        KnownSystem(
            name: "rq", owns: { begins($0, "rq:") },
            isMark: { ["rq:queues", "rq:workers"].contains($0) || begins($0, "rq:wip:", "rq:job:") }),
        KnownSystem(
            name: "celery",
            owns: {
                begins($0, "_kombu.", "celery-task-meta-", "celery-taskset-meta-", "unacked") || $0 == "celery"
            },
            isMark: { begins($0, "_kombu.binding", "celery-task-meta-") || $0 == "unacked_index" }),
        KnownSystem(
            name: "asynq", owns: { begins($0, "asynq:") },
            isMark: { ["asynq:queues", "asynq:servers"].contains($0) || begins($0, "asynq:{") }),
        KnownSystem(name: "saq", owns: { begins($0, "saq:") }, isMark: { begins($0, "saq:") }),
        KnownSystem(
            name: "arq", owns: { begins($0, "arq:") },
            isMark: { begins($0, "arq:queue", "arq:job:", "arq:in-progress:", "arq:result:") }),
        KnownSystem(
            name: "dramatiq", owns: { begins($0, "dramatiq:") },
            isMark: { begins($0, "dramatiq:__heartbeats__", "dramatiq:__acks__.") || $0.hasSuffix(".msgs") }),
        KnownSystem(
            name: "resque", owns: { begins($0, "resque:") },
            isMark: { ["resque:queues", "resque:workers"].contains($0) || begins($0, "resque:worker:") }),
        KnownSystem(
            name: "laravel", owns: { laravelStart($0) != nil },
            isMark: { $0.hasSuffix(":reserved") || $0.hasSuffix(":notify") },
            prefix: { laravelStart($0).flatMap { $0.isEmpty || $0 == "laravel_database_" ? nil : $0 } }),
        KnownSystem(
            name: "bullmq", owns: { bullStart($0) != nil },
            isMark: { key in key.hasSuffix(":meta") && key.split(separator: ":").count == 3 },
            prefix: { bullStart($0).flatMap { $0 == "bull" ? nil : $0 } }),
        KnownSystem(
            name: "sidekiq",
            owns: { key in
                ["queues", "processes", "retry", "schedule", "dead"].contains(key)
                    || begins(key, "queue:", "stat:processed", "stat:failed") || isSidekiqProcess(key)
            },
            isMark: { $0 == "processes" || isSidekiqProcess($0) }),
    ]

    /// What comes before `queues:`, in a key of Laravel's queues.
    private static func laravelStart(_ key: String) -> String? {
        guard let start = key.firstRange(of: "queues:") else { return nil }
        let before = key[..<start.lowerBound]
        return before.isEmpty || before.hasSuffix("_") || before.hasSuffix(":") ? String(before) : nil
    }

    private static let bullParts: Set = [
        "active", "wait", "waiting-children", "paused", "repeat", "delayed", "prioritized", "stalled", "priority",
        "limiter", "meta", "id", "completed", "failed", "events", "marker", "pc", "stalled-check", "metrics",
    ]

    /// What a key of BullMQ begins with: `bull`, or the first of three words whose last is one of its parts.
    private static func bullStart(_ key: String) -> String? {
        if key.hasPrefix("bull:") { return "bull" }
        let words = key.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
        guard words.count == 3, ["meta", "stalled-check", "events"].contains(words[2]), !words[0].isEmpty else {
            return nil
        }
        return String(words[0])
    }

    /// `host:pid:nonce`, alone or with what it works on.
    private static func isSidekiqProcess(_ key: String) -> Bool {
        let words = key.split(separator: ":", omittingEmptySubsequences: false)
        guard words.count == 3 || (words.count == 4 && ["work", "workers"].contains(words[3])) else { return false }
        return words[1].allSatisfy(\.isNumber) && !words[1].isEmpty && words[2].count == 12
            && words[2].allSatisfy(\.isHexDigit)
    }
}

/// A job system whose keys were found.
struct FoundSystem: Sendable {
    /// The name of its preset.
    var name: String
    /// How many of its keys there are.
    var keys = 0
    /// Keys that show it.
    var marks: [String] = []
    /// What its keys begin with, where that differs.
    var prefix: String?
}

/// The keys of each known system while it isn't sure yet that it is that system.
struct SystemSuspects {
    /// The most marks that are kept of a system.
    private static let mostMarks = 3
    private var found: [(system: FoundSystem, tree: KeyTree)?] = Array(repeating: nil, count: KnownSystem.all.count)

    /// Takes a key, if it may be one of a known system.
    mutating func take(_ key: String) -> Bool {
        guard let place = KnownSystem.all.firstIndex(where: { $0.owns(key) }) else { return false }
        let known = KnownSystem.all[place]
        var (system, tree) = found[place] ?? (FoundSystem(name: known.name), KeyTree())
        found[place] = nil
        system.keys += 1
        if system.marks.count < Self.mostMarks, known.isMark(key) {
            system.marks.append(key)
            system.prefix = system.prefix ?? known.prefix(key)
        }
        // Once it is sure, nothing of its keys is needed but their number.
        if system.marks.isEmpty { tree.add(key) }
        found[place] = (system, tree)
        return true
    }

    /// The systems that are there, and the shapes of the keys of those that aren't.
    func settled() -> (systems: [FoundSystem], others: [KeyShape]) {
        var systems: [FoundSystem] = []
        var others: [KeyShape] = []
        for case (let system, var tree)? in found {
            if system.marks.isEmpty { others += tree.shapes() } else { systems.append(system) }
        }
        return (systems, others)
    }
}
