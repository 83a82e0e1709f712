import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What a person at a terminal sees and types: `watch` with its keys, a group of runs, completion in the shell.
    @Suite("at a terminal", .tags(.processes))
    struct Terminal {
        /// Runs a script in which `type "…"` presses keys, `shows "…"` waits for a text on the screen, and `watch …` begins.
        private func terminal(
            _ script: String, rows: Int = 24, _ scene: CommandLineScene
        ) async throws -> (code: CInt, frames: [[String]], text: String) {
            let folder = scene.server.folder
            let head = """
                cd "$0"; export PROGRAM="$1" CURFEW_CONFIG="$2" NO_COLOR=1; mkfifo keys; : >screen; exec 3<>keys
                type() { printf "$1" >&3; }
                shows() { until grep -aq "$1" screen; do kill -0 $child || exit 99; done; }
                watch() {
                    script -qefc "stty cols 80 rows \(rows); stty -g >before; exec \\"\\$PROGRAM\\" watch" screen \\
                        <keys >/dev/null & child=$!
                }
                \(script)
                """
            let words = ["bash", "-c", head, folder, try CurfewProgram.path, scene.configuration]
            let code = try await ChildProcess(words, output: "\(folder)/terminal").wait(atMost: .seconds(60))
            let text = String(
                decoding: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/screen")), as: UTF8.self)
            // A frame begins at the upper left corner; the escapes in it are not seen.
            let plain = String(text.unicodeScalars.filter { $0 != "\r" })
            let frames = plain.components(separatedBy: "\u{1B}[H").dropFirst().map { frame in
                let end = frame.components(separatedBy: "\u{1B}[?7h")[0]
                return end.replacing(/\u{1B}\[[0-9;?]*[A-Za-z]/, with: "").components(separatedBy: "\n")
            }
            return (code, Array(frames), text)
        }

        /// Twenty cleanups with long names, all of which have run.
        private static let many =
            "cleanups:\n"
            + (1...20).map { number in
                "  the-cleanup-number-\(number): {policy: locks, every: 30m, records: \"lock\(number):<id>\", "
                    + "index: locks\(number), since: [at], timeout: 3h}"
            }.joined(separator: "\n")

        @Test("watch fits a terminal of 80 columns and 24 lines, scrolls, and ends with q")
        func watch() async throws {
            try await withCommandLine(Self.many) { scene in
                _ = try await scene.curfew("run", "--all")
                let script = """
                    watch; shows 'lines 1–23 of'; type 'j'; shows 'lines 2–24 of'; type '\\033[6~'; shows 'lines 1[0-9]–'
                    type 'G'; shows 'the-cleanup-number-20-1 '; type 'g\\033[B\\033[B'; shows 'lines 3–25 of'
                    type q; wait $child
                    """
                let (code, frames, text) = try await terminal(script, scene)
                #expect(code == 0, "\(code): \(text.suffix(2_000))")
                #expect(frames.count >= 6)
                for frame in frames {
                    #expect(frame.count <= 24, "\(frame)")
                    for line in frame { #expect(line.count <= 80, "\(line.debugDescription)") }
                }
                let first = try #require(frames.first)
                #expect(first.contains { $0.hasPrefix("the-cleanup-number-1 ") && $0.contains("scheduled") })
                #expect(text.contains("\u{1B}[?1049l"))
            }
        }

        @Test("watch restores the terminal after q and after a signal", arguments: ["type q", "kill -TERM $(cat pid)"])
        func restored(_ end: String) async throws {
            try await withCommandLine { scene in
                let script = """
                    inner='stty cols 80 rows 24; stty -g >before; sh -c "echo \\$\\$ >pid; exec \\"\\$PROGRAM\\" watch"'
                    script -qefc "$inner; stty -g >after" screen <keys >/dev/null & child=$!
                    shows 'q quit'; \(end); wait $child; cmp before after
                    """
                let (code, _, text) = try await terminal(script, scene)
                #expect(code == 0, "\(code): \(text.suffix(2_000))")
            }
        }

        @Test("several runs on a terminal show each result, and the sums at the end")
        func group() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                let file = "\(scene.server.folder)/typescript"
                let line = "NO_COLOR=1 \(try CurfewProgram.path) run --all -c \(scene.configuration)"
                let process = try ChildProcess(["script", "-qec", line, "/dev/null"], output: file)
                #expect(await process.wait() == 0)
                let text = try String(contentsOfFile: file, encoding: .utf8)
                #expect(text.contains("Cleaned up 1 of 1 stuck-jobs and refunded 10 tokens\r\n"), "\(text)")
                #expect(text.contains("Cleaned up 0 of 0 old-locks\r\n"))
                #expect(text.hasSuffix("2 cleanups: cleaned up 1 of 1, refunded 10 tokens\r\n"))
            }
        }

        @Test(
            "bash completes the names of cleanups, runs, routes and states",
            arguments: [
                ("run ''", "stuck-jobs old-locks"), ("run stuck-jobs o", "old-locks"), ("run --route n", "night"),
                ("explain s", "stuck-jobs"), ("undo ''", "old-locks-1 stuck-jobs-1"),
                ("events --run s", "stuck-jobs-1"),
                ("events --cleanup o", "old-locks"), ("history --status time", "timed_out"), ("pause s", "stuck-jobs"),
                ("forget ''", "gone"), ("run --config none.yaml ''", ""),
            ])
        func completion(_ line: String, _ expected: String) async throws {
            try await withCommandLine(CommandLineScene.cleanups + "\nroutes: {night: [old-locks]}") { scene in
                for name in ["stuck-jobs", "old-locks"] { _ = try await scene.curfew("run", name) }
                try await scene.redis.send(RedisCommand("ZADD", ["{curfew}:schedule", "1", "gone"]))
                let script = """
                    cd "$0"; mkdir bin; ln -s "$1" bin/curfew; PATH=$PWD/bin:$PATH; export CURFEW_CONFIG="$2"
                    source <(curfew --generate-completion-script bash)
                    COMP_WORDS=(curfew \(line)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                    COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
                    _curfew curfew "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
                    echo "${COMPREPLY[@]}"
                    """
                let output = "\(scene.server.folder)/completion"
                let words = ["bash", "-c", script, scene.server.folder, try CurfewProgram.path, scene.configuration]
                _ = try await ChildProcess(words, output: output).wait(atMost: .seconds(60))
                let text = try String(contentsOfFile: output, encoding: .utf8)
                let offered = text.split(whereSeparator: \.isWhitespace).filter { !$0.hasPrefix("-") }
                #expect(offered.joined(separator: " ") == expected, "\(text)")
            }
        }
    }
}
