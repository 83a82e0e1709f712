import Foundation
import RedisClient
import TestSupport
import Testing

extension CommandLineTests {
    /// Where answers go, and how commands end when they are told to.
    @Suite("output and end")
    struct End {
        @Test("without a command, or a part of one, the help is on standard error, and it is wrong usage")
        func nothing() async throws {
            try await withFolder { folder in
                for words in [[], ["config"]] {
                    let answer = try await CommandLineScene.curfew(words, folder: folder)
                    #expect(answer.code == 2 && answer.output.isEmpty, "\(answer)")
                    #expect(answer.errors.contains("USAGE: curfew"))
                }
            }
        }

        /// Runs a line of a shell in which `curfew` is the program, and answers its code and all its output.
        private func shell(_ line: String, _ scene: CommandLineScene) async throws -> CommandLineScene.Answer {
            let folder = scene.server.folder
            let file = "\(folder)/shell-\(UInt64.random(in: 0...UInt64.max))"
            let script = "cd \"$0\"; program=$1; export CURFEW_CONFIG=$2; curfew() { \"$program\" \"$@\"; }; \(line)"
            let words = ["sh", "-c", script, folder, try CurfewProgram.path, scene.configuration]
            let code = try await ChildProcess(words, output: file).wait(atMost: .seconds(60))
            return .init(code: code, output: try String(contentsOfFile: file, encoding: .utf8), errors: "")
        }

        @Test(
            "an answer that can't be written is said on standard error, and is no success",
            arguments: [
                "status > /dev/full", "functions > /dev/full", "--help > /dev/full", "status --json > /dev/full",
                "status >&-", "--version >&-", "preview stuck-jobs --out /dev/full",
            ])
        func lost(_ line: String) async throws {
            try await withCommandLine { scene in
                let answer = try await shell("curfew \(line)", scene)
                #expect(answer.code == 1 && answer.output.contains("can't be written"), "\(answer)")
            }
        }

        @Test("a reader that has gone is no failure, and neither is a standard error that nobody reads")
        func gone() async throws {
            try await withCommandLine { scene in
                let pipe = try await shell("{ curfew functions; echo $? >code; } | true; cat code", scene)
                #expect(pipe.output == "0\n", "\(pipe)")
                let errors = try await shell("curfew run nothing 2>/dev/full", scene)
                #expect(errors.code == 2, "\(errors)")
            }
        }

        @Test("a plan goes through a pipe, a device and a link, and leaves them what they are")
        func through() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                let line = """
                    set -e; mkfifo pipe; ln -s file link; ln -s pipe far; ln -s null near; ln -s /dev/null null
                    for name in pipe far; do
                        cat pipe >read & curfew preview stuck-jobs --out $name >/dev/null 2>&1
                        wait; grep -c '"a"' read
                    done
                    for name in link near /dev/null; do curfew preview stuck-jobs --out $name >/dev/null 2>&1; done
                    grep -c '"a"' link; test -p pipe && test -L link && test -L far && test -L near && test -c /dev/null
                    """
                let answer = try await shell(line, scene)
                #expect(answer.code == 0 && answer.output == "1\n1\n1\n", "\(answer)")
            }
        }

        @Test(
            "a command that waits for a lease ends with a signal, also where it is the first process of its namespace",
            arguments: ["TERM", "INT"])
        func waits(_ signal: String) async throws {
            try await withCommandLine { scene in
                let lease = [
                    "{curfew}:lease:stuck-jobs", "instance", "other", "run", "stuck-jobs-1", "fence", "1", "due_ms",
                    "1",
                    "acquired_ms", "1",
                ]
                try await scene.redis.send(RedisCommand("HSET", lease))
                let later = String((Int(Date().timeIntervalSince1970) + 300) * 1000)
                try await scene.redis.send(RedisCommand("ZADD", ["{curfew}:schedule", later, "stuck-jobs"]))
                let unshare = "unshare --user --map-root-user --pid --fork --kill-child"
                let line = """
                    \(unshare) true 2>/dev/null || { echo none; exit 0; }
                    \(unshare) "$program" run stuck-jobs --wait >/dev/null 2>&1 & shell=$!
                    until child=$(pgrep -P $shell) && grep -q curfew /proc/$child/cmdline; do :; done
                    until redis-cli -s redis.sock CLIENT LIST | grep -q 'cmd=fcall'; do :; done
                    kill -\(signal) $child; wait $shell; echo ended
                    """
                let answer = try await shell(line, scene)
                #expect(["none\n", "ended\n"].contains(answer.output), "\(answer)")
            }
        }

        @Test("a private redis-server without a folder for it says so")
        func noFolder() async throws {
            try await withCommandLine { scene in
                let answer = try await shell("TMPDIR=/dev/null/none curfew work --embedded", scene)
                #expect(answer.code == 3 && answer.output.contains("needs a folder for temporary files"), "\(answer)")
            }
        }
    }
}
