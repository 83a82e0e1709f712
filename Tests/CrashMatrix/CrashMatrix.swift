internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import TestSupport

/// The crash matrix: every fault at every step of a run, on every kind of Redis, and the promises checked afterwards.
@main
struct CrashMatrix: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-matrix",
        abstract: "Lets real instances die, freeze and lose Redis at every step of a run, and checks what comes of it.",
        discussion: """
            A case is a combination such as standalone/kill/after-read and a seed, which decides over everything else; \
            both are printed, and repeat the case. Exit code 1: a promise was not kept.
            """)

    @Flag(help: "Each fault once on each kind of Redis, as a machine does for every change.")
    var short = false

    @Option(help: "How long to go on, through all combinations in random order; at least one case is run.")
    var minutes: Double = 10

    @Option(help: "Only combinations that begin so: standalone, standalone/kill, standalone/kill/after-read.")
    var only: [String] = []

    @Option(help: "The first case's seed, or that of the whole; random where it is left out.")
    var seed: UInt64 = .random(in: 0..<1_000_000)

    @Option(help: "Cases of each combination, where not time decides.")
    var times: Int?

    @Option(help: "Cases at once.")
    var parallel = 2

    @Option(help: "How long a lease lasts, in milliseconds.")
    var lease: Int64 = 2_000

    @Option(help: "How much later than a lease somebody may take over, in milliseconds.")
    var slack: Int64 = 1_000

    @Option(help: "Takes a safeguard out of the functions in Redis, to see the matrix notice: fence or guards.")
    var weaken: Defect?

    @Flag(help: "Writes the table as Markdown, as it stands in the documentation.")
    var markdown = false

    func validate() throws {
        guard parallel > 0, minutes > 0, lease >= 500, times ?? 1 > 0 else {
            throw ValidationError("expected at least one case at once, some time, and a lease of 500 ms or more")
        }
        guard !combinations.isEmpty else { throw ValidationError("--only leaves no combination") }
    }

    private var combinations: [Combination] {
        let wanted = Combination.all.filter { combination in
            only.isEmpty || only.contains { "\(combination)/".hasPrefix("\($0)/") }
        }
        guard short else { return wanted }
        // The step that goes with a fault is a matter of the seed.
        var random = Seeded(seed)
        let groups = Dictionary(grouping: wanted) { "\($0.topology)/\($0.fault)" }
        return groups.keys.sorted().compactMap { groups[$0]?.randomElement(using: &random) }
    }

    func run() async throws {
        let began = ContinuousClock.now
        note("seed \(seed)")
        let settings = Case.Settings(
            lease: lease, slack: slack, defect: weaken, bucket: try await makeBucket())
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("curfew-crash-matrix").path
        var plan = Plan(
            combinations, seed: seed, rounds: short ? 1 : times, end: began + .seconds(minutes * 60),
            isShuffled: !short && times == nil)
        var report = Report()
        await withTaskGroup(of: Case.Outcome.self) { group in
            func startNext() {
                guard let (combination, seed) = plan.next() else { return }
                let one = Case(
                    combination: combination, seed: seed, settings: settings,
                    folder: "\(base)/\(combination.description.replacing("/", with: "-"))-\(seed)",
                    sample: Sample(combination, seed: seed))
                group.addTask { await one.run() }
            }
            for _ in 0..<parallel { startNext() }
            for await outcome in group {
                report.add(outcome)
                tell(outcome)
                startNext()
            }
        }
        print(markdown ? report.markdown : report.text)
        note("\(report.cases) cases in \(began.duration(to: .now).components.seconds) s, \(report.violated) violated")
        if report.violated > 0 { throw ExitCode(1) }
    }

    private func tell(_ outcome: Case.Outcome) {
        let time = outcome.continued.map { ", continued after \($0) ms" } ?? ""
        guard !outcome.violations.isEmpty else {
            return note("✓ \(outcome.combination) seed \(outcome.seed)\(time)")
        }
        note("✗ \(outcome.combination) seed \(outcome.seed)\(time)")
        for violation in outcome.violations.prefix(10) { note("    \(violation)") }
        if outcome.violations.count > 10 { note("    and \(outcome.violations.count - 10) more") }
        note("    again: Deploy/crash-matrix --only \(outcome.combination) --times 1 --seed \(outcome.seed)")
        if let logs = outcome.logs { note("    logs: \(logs)") }
    }

    /// What goes on is said on standard error; standard output is the table's.
    private func note(_ text: String) {
        FileHandle.standardError.write(Data("\(text)\n".utf8))
    }
}

/// Which case is next.
struct Plan {
    private let combinations: [Combination]
    private let seed: UInt64
    private let rounds: Int?
    private let end: ContinuousClock.Instant
    private var random: Seeded
    private let isShuffled: Bool
    private var round: [Combination] = []
    private var begun = 0

    init(
        _ combinations: [Combination], seed: UInt64, rounds: Int?, end: ContinuousClock.Instant, isShuffled: Bool
    ) {
        self.combinations = combinations
        self.seed = seed
        self.rounds = rounds
        self.end = end
        self.isShuffled = isShuffled
        random = Seeded(seed)
    }

    /// The next case and its seed, which is that of the whole for the first round.
    mutating func next() -> (Combination, UInt64)? {
        if let rounds {
            guard begun < rounds * combinations.count else { return nil }
        } else if begun > 0, ContinuousClock.now >= end {
            return nil
        }
        if round.isEmpty {
            round = isShuffled ? combinations.shuffled(using: &random) : combinations
            round.reverse()
        }
        let number = UInt64(begun / combinations.count)
        begun += 1
        return round.popLast().map { ($0, seed &+ number) }
    }
}
