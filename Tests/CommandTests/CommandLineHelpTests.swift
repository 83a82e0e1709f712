import Curfew
import Foundation
import TestNeeds
import Testing

extension CommandLineTests {
    /// What the program says of itself, word for word: a change of it is to be seen in a review.
    @Suite("help", .tags(.processes))
    struct Help {
        /// The stored texts: `curfew.txt`, `run.txt`, `config-check.txt`.
        private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Help").path

        /// With this variable set the texts are written instead of compared: how they are made after a wanted change.
        private static let recording = "CURFEW_RECORD_HELP"

        /// Every command there is, found by asking the program.
        private static func commands(under path: [String], in folder: String) async throws -> [[String]] {
            let help = try await CommandLineScene.curfew(path + ["--help"], folder: folder).output
            var found = [path]
            guard let list = help.components(separatedBy: "SUBCOMMANDS:\n").dropFirst().first else { return found }
            for line in list.split(separator: "\n") where line.hasPrefix("  ") && !line.hasPrefix("   ") {
                guard let name = line.split(separator: " ").first, name != "See" else { continue }
                found += try await commands(under: path + [String(name)], in: folder)
            }
            return found
        }

        @Test("the help of every command is the stored text, and every stored text is that of a command")
        func texts() async throws {
            let isRecording = ProcessInfo.processInfo.environment[Self.recording] != nil
            try await withFolder { folder in
                let commands = try await Self.commands(under: [], in: folder)
                #expect(commands.count > 14)
                for command in commands {
                    let answer = try await CommandLineScene.curfew(command + ["--help"], folder: folder)
                    #expect(answer.code == 0 && answer.errors.isEmpty)
                    let path = "\(Self.folder)/\(Self.name(command))"
                    if isRecording { try answer.output.write(toFile: path, atomically: true, encoding: .utf8) }
                    let stored = try String(contentsOfFile: path, encoding: .utf8)
                    #expect(answer.output == stored, "curfew \(command.joined(separator: " ")) --help")
                }
                let stored = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
                #expect(Set(stored) == Set(commands.map(Self.name)))
            }
        }

        private static func name(_ command: [String]) -> String {
            (command.isEmpty ? "curfew" : command.joined(separator: "-")) + ".txt"
        }

        @Test("the version, the commit if it is known, and the library in Redis are on standard output, alone")
        func version() async throws {
            let form = /[0-9.]+ \((commit [0-9a-f]{12}(-modified)?, )?Redis library curfew_[0-9]+_[0-9a-f]{8}\)\n/
            try await withFolder { folder in
                let answer = try await CommandLineScene.curfew(["--version"], folder: folder)
                #expect(answer.code == 0 && answer.errors.isEmpty)
                #expect(answer.output.wholeMatch(of: form) != nil, "\(answer.output)")
                #expect(answer.output.hasPrefix(CurfewVersion.current + " "))
                #expect(answer.output.contains(" \(FunctionLibrary.name))"))
            }
        }
    }
}
