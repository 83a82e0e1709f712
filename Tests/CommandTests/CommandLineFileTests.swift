import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// Which configuration is read, and from whom it is taken.
    @Suite("the configuration file", .tags(.processes))
    struct Files {
        @Test("a file in the working directory that others can write is refused, unless it is named")
        func writable() async throws {
            try await withCommandLine { scene in
                // The group is the one of whoever runs the tests.
                for (mode, who) in [(0o666, "every user"), (0o646, "every user")] {
                    try FileManager.default.setAttributes(
                        [.posixPermissions: mode], ofItemAtPath: scene.configuration)
                    let found = try await CommandLineScene.curfew(["status"], folder: scene.server.folder)
                    #expect(found.code == 2 && found.output.isEmpty)
                    #expect(
                        found.errors.contains(
                            "\ncurfew: curfew.yaml: was found in the working directory, and \(who) can write it"),
                        "\(found.errors)")
                    #expect(found.errors.contains("use --config curfew.yaml to read it anyway"))
                    #expect(try await scene.curfew("status").code == 0)
                }
                try FileManager.default.setAttributes([.posixPermissions: 0o660], ofItemAtPath: scene.configuration)
                #expect(try await CommandLineScene.curfew(["status"], folder: scene.server.folder).code == 0)
            }
        }

        @Test("a file of another user in the working directory is refused", .enabled(if: geteuid() == 0))
        func foreign() async throws {
            try await withCommandLine { scene in
                try FileManager.default.setAttributes([.ownerAccountID: 4_711], ofItemAtPath: scene.configuration)
                let found = try await CommandLineScene.curfew(["config", "check"], folder: scene.server.folder)
                #expect(found.code == 2 && found.errors.contains("belongs to user 4711"), "\(found)")
                let named = try await CommandLineScene.curfew(
                    ["config", "check"], folder: scene.server.folder,
                    environment: ["CURFEW_CONFIG": scene.configuration])
                #expect(named.code == 0)
            }
        }

        @Test("which file is read is said: by config check, with --verbose, and when a worker starts")
        func said() async throws {
            try await withCommandLine { scene in
                let path = URL(fileURLWithPath: scene.configuration).path
                let folder = scene.server.folder
                let check = try await CommandLineScene.curfew(["config", "check"], folder: folder)
                #expect(check.output.hasPrefix("OK  \(path) ("), "\(check.output)")
                let json = try await CommandLineScene.curfew(["config", "check", "--json"], folder: folder).object()
                #expect(json["file"] as? String == path)
                let status = try await CommandLineScene.curfew(["status", "--verbose"], folder: folder)
                #expect(status.errors.contains("file=\(path)"), "\(status.errors)")
                let found = try await CommandLineScene.curfew(["status"], folder: folder)
                #expect(found.errors == "curfew: using \(path) from the working directory\n")
                #expect(try await scene.curfew("status").errors.isEmpty)
                let worker = try WorkerProcess(configuration: scene.configuration, folder: folder)
                try await worker.ready()
                #expect(worker.log.contains("configuration read") && worker.log.contains("file=\(path)"))
                #expect(await worker.terminate() == 0)
            }
        }

        @Test("a line of the log is one line, whatever a record is called")
        func oneLine() async throws {
            try await withCommandLine { scene in
                let id = "a\nb\u{1B}[31m\r\u{85}\u{2028}\u{202E}c"
                try await scene.job(id.held, age: 600, ["cost": "much"])
                let run = try await scene.curfew("run", "stuck-jobs", "--verbose")
                #expect(run.code == 1)
                let line = try #require(
                    run.errors.split(separator: "\n").first { $0.contains("record not processed") })
                #expect(line.contains("job:a\\n") && line.contains("c"), "\(line)")
                #expect(!run.errors.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
                #expect(!run.errors.unicodeScalars.contains { [0x85, 0x2028, 0x202E].contains($0.value) })
                #expect(
                    run.errors.split(separator: "\n").allSatisfy {
                        $0.wholeMatch(of: /(\d{4}-|Cleaned|curfew: ).*/) != nil
                    })
            }
        }
    }
}
