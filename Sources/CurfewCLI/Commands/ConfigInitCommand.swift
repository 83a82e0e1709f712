internal import ArgumentParser
internal import Curfew
internal import Foundation
internal import Glibc
internal import Policies
internal import RedisClient

/// `curfew config init`: writes a first file.
struct ConfigInitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Writes a first configuration file with comments.",
        discussion: """
            Never replaces a file. On a terminal it asks for what the options don't say; otherwise that has usual \
            values. “curfew discover” proposes a file from the keys that are there.
            """)

    @Option(help: "The address of Redis. (default: redis://127.0.0.1:6379/0)")
    var redis: String?

    @Option(help: "Use the preset of this job system instead of a cleanup of your own; may be repeated.")
    var preset: [String] = []

    @Option(help: "The policy of the cleanup. (default: stuck)")
    var policy: String?

    @Option(help: "The name of the cleanup. (default: made from policy and records)")
    var name: String?

    @Option(help: "How often it runs, for example 15m.")
    var every: String?

    @Option(help: "The keys of its records, for example “job:<id>”.")
    var records: String?

    @Option(help: "The field with the state. (default: status)")
    var status: String?

    @Option(help: "A state in which a record is looked at; may be repeated.")
    var state: [String] = []

    @Option(help: "A field with the time from which its age counts; may be repeated.")
    var since: [String] = []

    @Option(help: "How old it may become; for a retention, how long it is kept.")
    var timeout: String?

    @Option(help: "The state that it gets then.")
    var to: String?

    @Option(help: "For “dependent”: the key of what it waits for, for example “job:<jobId>”.")
    var parent: String?

    @Option(help: "For “dependent”: a state of that in which it may be waited for; may be repeated.")
    var parentState: [String] = []

    @Option(
        name: [.short, .long], help: "The file; - prints it. (default: that of --config)", completion: .file())
    var output: String?

    @OptionGroup var options: GlobalOptions

    /// The answer with `--json`.
    private struct Answer: Encodable {
        var file: String?
        var yaml: String
    }

    func validate() throws {
        if let policy { _ = try Self.kind(policy) }
        if output == "" { throw ValidationError("--output is empty: expected a file, or -") }
        if !preset.isEmpty, let other = own.first(where: \.isGiven)?.name {
            throw ValidationError("--\(other) can't be used with --preset: a preset has its own cleanups")
        }
    }

    private var own: [(name: String, isGiven: Bool)] {
        [
            ("policy", policy != nil), ("name", name != nil), ("every", every != nil), ("records", records != nil),
            ("status", status != nil), ("state", !state.isEmpty), ("since", !since.isEmpty),
            ("timeout", timeout != nil), ("to", to != nil), ("parent", parent != nil),
            ("parent-state", !parentState.isEmpty),
        ]
    }

    private static func kind(_ word: String) throws -> PolicyKind {
        let words = FirstFile.policies.map(\.rawValue)
        guard let kind = FirstFile.policies.first(where: { $0.rawValue == word }) else {
            let guess = Spelling.nearest(to: word, among: words).map { ", did you mean “\($0)”?" } ?? ""
            throw ValidationError(
                "--policy is “\(word)”\(guess) (expected one of \(words.joined(separator: ", ")))")
        }
        return kind
    }

    func run() throws {
        let path = output ?? options.path.held
        if path != "-" { try NewFile.check(path) }
        var file = try given()
        if isatty(STDIN_FILENO) == 1 { try ask(&file) }
        let text = try file.text()
        if path != "-" { try NewFile.write(text, to: path) }
        if options.json {
            try Output.json(Answer(file: path == "-" ? nil : path, yaml: text))
        } else if path == "-" {
            Output.write(text, to: .standardOutput)
        }
    }

    /// What the options say.
    private func given() throws -> FirstFile {
        var file = FirstFile()
        if let redis { file.redis = redis.readable }
        file.presets = preset
        if let policy { file.policy = try Self.kind(policy) }
        (file.name, file.every, file.records, file.status) = (name, every, records, status)
        (file.states, file.since, file.timeout, file.to) = (state, since, timeout, to)
        (file.parent, file.parentStates) = (parent, parentState)
        return file
    }

    /// Asks for what the options don't say.
    private func ask(_ file: inout FirstFile) throws {
        var questions = Questions()
        if redis == nil {
            questions.ask("Where is Redis?", usual: file.redis, of: &file) { $0.redis = $1.readable }
        }
        guard file.presets.isEmpty else { return }
        if !own.contains(where: \.isGiven) {
            questions.ask("A preset for a job system, such as rq or bullmq?", usual: "none", of: &file) {
                $0.presets = $1 == "none" || $1.isEmpty ? [] : [$1]
            }
            guard file.presets.isEmpty else { return }
        }
        if policy == nil {
            let words = FirstFile.policies.map(\.rawValue).joined(separator: ", ")
            questions.ask("Which policy (\(words))?", usual: file.policy.rawValue, of: &file) {
                $0.policy = try Self.kind($1)
            }
        }
        if records == nil {
            questions.ask("What are the keys of the records?", usual: file.usual.records, of: &file) { $0.records = $1 }
        }
        if status == nil, !file.usual.states.isEmpty {
            questions.ask("Which field has the state?", usual: "status", of: &file) { $0.status = $1 }
        }
        if state.isEmpty, !file.usual.states.isEmpty {
            let usual = file.usual.states.joined(separator: ", ")
            questions.ask("In which states is a record looked at?", usual: usual, of: &file) {
                $0.states = Self.list($1)
            }
        }
        if since.isEmpty {
            questions.ask("Which field has the time from which its age counts?", usual: file.usual.since, of: &file) {
                $0.since = Self.list($1)
            }
        }
        if timeout == nil {
            questions.ask("How old may it become?", usual: file.usual.timeout, of: &file) { $0.timeout = $1 }
        }
        if to == nil, let usual = file.usual.to {
            questions.ask("What does it become then?", usual: usual, of: &file) { $0.to = $1 }
        }
    }

    private static func list(_ answer: String) -> [String] {
        answer.split { ", ".contains($0) }.map(String.init)
    }
}

/// Questions on a terminal, one line each; an empty line or the end takes the usual answer.
private struct Questions {
    /// How often an answer that can't be is asked for again.
    private static let tries = 3
    private var isEnded = false

    /// Asks for one thing, and again where the file couldn't be read with the answer.
    mutating func ask(
        _ question: String, usual: String, of file: inout FirstFile, _ set: (inout FirstFile, String) throws -> Void
    ) {
        for _ in 0..<Self.tries where !isEnded {
            Output.note("\(question) [\(usual)] ".printable)
            guard let line = readLine() else {
                Output.note("\n")
                isEnded = true
                return
            }
            let answer = line.trimmingCharacters(in: .whitespaces)
            guard !answer.isEmpty else { return }
            do {
                var tried = file
                try set(&tried, answer.held)
                _ = try tried.text()
                file = tried
                return
            } catch {
                let reason = (error as? ConfigurationError)?.problems.first?.message ?? "\(error)"
                Output.note("  " + reason.printable + "\n")
            }
        }
    }
}
