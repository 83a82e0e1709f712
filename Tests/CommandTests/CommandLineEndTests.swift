import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// Where answers go, and how commands end when they are told to.
    @Suite("output and end", .tags(.processes))
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

        @Test("a plan leaves the mode and the names of its file, and goes to standard output without cutting it off")
        func kept() async throws {
            try await withCommandLine { scene in
                try await scene.job("a", age: 600)
                let line = """
                    set -e; echo old >plan; chmod 600 plan; echo old >first; ln first second; ln -s plan link
                    for name in plan first link; do curfew preview stuck-jobs --out $name >/dev/null 2>&1; done
                    stat -c %a plan; stat -c %h first; grep -c '"a"' second; readlink link
                    { echo before; curfew preview stuck-jobs --out /dev/stdout; echo after; } >both 2>/dev/null
                    wc -l <both; head -n 1 both; tail -n 1 both; sed -n 2p both >plan
                    curfew run stuck-jobs --plan plan >/dev/null; ls -a | grep -c '^.curfew-plan' || true
                    """
                let answer = try await shell(line, scene)
                #expect(answer.code == 0, "\(answer)")
                #expect(answer.output == "600\n2\n1\nplan\n3\nbefore\nafter\n0\n", "\(answer)")
            }
        }

        @Test("where Redis is silent, a signal ends a run in the middle of a page, and it says what that means")
        func silentRun() async throws {
            try await withCommandLine { scene in
                try await scene.jobs(20_000, age: 600)
                let output = "\(scene.server.folder)/run"
                let run = try ChildProcess(
                    [try CurfewProgram.path, "run", "stuck-jobs", "--config", scene.configuration], output: output)
                // The first event says who has asked for the run.
                try await eventually("a page is done") {
                    try await scene.redis.send(RedisCommand("XLEN", ["{curfew}:events"])).integer ?? 0 > 1
                }
                scene.server.freeze()
                let watch = Stopwatch()
                run.signal(SIGTERM)
                let code = await run.wait(atMost: .seconds(60))
                #expect(watch.elapsed < .seconds(4))
                scene.server.resume()
                let text = try String(contentsOfFile: output, encoding: .utf8)
                #expect(
                    code == 3 && text.contains("the last changes may or may not have been made"),
                    "\(code): \(text.suffix(800))")
            }
        }

        @Test("where Redis is silent, a worker and a server without one end at once", arguments: ["work", "serve"])
        func silentServer(_ command: String) async throws {
            try await withCommandLine("http: {listen: \"127.0.0.1:0\"}\n" + CommandLineScene.cleanups) { scene in
                scene.server.freeze()
                let process = try WorkerProcess(
                    command, configuration: scene.configuration, folder: scene.server.folder)
                try await eventually("it listens") { process.log.contains("listening") }
                let watch = Stopwatch()
                process.signal(SIGTERM)
                let code = await process.wait(atMost: .seconds(60))
                #expect(watch.elapsed < .seconds(4))
                scene.server.resume()
                #expect(code == 0, "\(process.log)")
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
                    until redis-cli -s redis.sock CLIENT LIST | grep -qE 'cmd=(fcall|evalsha)'; do :; done
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
                #expect(answer.code == 3 && answer.output.contains("needs a writable temporary folder"), "\(answer)")
                let deep = "deep=$PWD/$(printf 'x%.0s' $(seq 100)); mkdir $deep; TMPDIR=$deep curfew work --embedded"
                let long = try await shell(deep, scene)
                #expect(long.code == 3 && long.output.contains("a folder with a shorter path"), "\(long)")
            }
        }
    }
}
