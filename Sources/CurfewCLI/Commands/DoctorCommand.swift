internal import ArgumentParser
internal import Curfew

/// `curfew doctor`: checks everything that Curfew depends on, one item at a time.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Checks everything Curfew depends on and says how to fix what is wrong.",
        discussion: """
            Exit codes: 0 nothing worse than warnings · 1 a problem · 2 wrong configuration · 3 Redis not reachable.
            """)

    @OptionGroup var options: GlobalOptions

    @Option(help: "The Redis user whose permissions are checked, if doctor itself signs in as another: the worker's.")
    var rightsOf: String?

    func run() async throws {
        let report: Doctor.Report
        do {
            report = try await options.withEngine { await Doctor(engine: $0, rightsOf: rightsOf).examine() }
        } catch let error as ConfigurationError {
            let findings = error.problems.map {
                Doctor.Finding(
                    "configuration", .problem, $0.description,
                    advice: "correct the file, then run “curfew config check”")
            }
            try write(findings)
            throw ExitCode(Failure.Status.usage.rawValue)
        }
        try write(report.findings)
        if !report.isReachable { throw ExitCode(Failure.Status.unreachable.rawValue) }
        if report.hasProblem { throw ExitCode(Failure.Status.doneWithErrors.rawValue) }
    }

    private func write(_ findings: [Doctor.Finding]) throws {
        if options.json { return try Output.json(findings) }
        for finding in findings {
            let state = finding.state.rawValue.padded(to: 8)
            let text = "\(finding.check.padded(to: 15)) \(finding.message.printable)"
            Output.line(style(of: finding.state)(state) + " " + text)
            if let advice = finding.advice { Output.line(Style.dim("         → " + advice.printable)) }
        }
    }

    private func style(of state: Doctor.Finding.State) -> Style {
        switch state {
        case .ok: .green
        case .warning: .yellow
        case .problem: .red
        }
    }
}
