import Foundation
import Glibc
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    /// What a probe and a service manager learn of a worker.
    @Suite("health", .tags(.processes))
    struct Health {
        /// A private Redis with a worker's file that has HTTP at that port, or none.
        private func withFile(port: Int?, _ body: (CommandLineScene) async throws -> Void) async throws {
            let http = port.map { "http: {listen: \"127.0.0.1:\($0)\", open: true}\n" } ?? ""
            try await withCommandLine(http + CommandLineScene.cleanups, body)
        }

        @Test("with HTTP the worker is asked: healthy while it lives, and ready while Redis lives too")
        func http() async throws {
            let port = try freePort()
            try await withFile(port: port) { scene in
                let before = try await scene.curfew("health")
                #expect(before.code == 1 && before.output.isEmpty, "\(before)")
                #expect(before.errors.contains("http://127.0.0.1:\(port)/healthz doesn't answer"), "\(before)")
                let worker = try WorkerProcess(configuration: scene.configuration, folder: scene.server.folder)
                try await worker.ready()
                try await eventually("it is ready") { try await scene.curfew("health", "--ready").code == 0 }
                let healthy = try await scene.curfew("health", "--json").object()
                #expect(healthy["healthy"] as? Bool == true, "\(healthy)")
                await scene.server.stop()
                try await eventually("it isn't ready") { try await scene.curfew("health", "--ready").code == 1 }
                #expect(try await scene.curfew("health").code == 0)
                await worker.crash()
                #expect(try await scene.curfew("health").code == 1)
            }
        }

        @Test("without HTTP, Redis is asked whether an instance of this host lives")
        func redis() async throws {
            try await withFile(port: nil) { scene in
                let before = try await scene.curfew("health")
                #expect(before.code == 1 && before.errors.contains("hasn't heard of a worker"), "\(before)")
                let worker = try WorkerProcess(configuration: scene.configuration, folder: scene.server.folder)
                try await worker.ready()
                try await eventually("it is heard of") { try await scene.curfew("health").code == 0 }
                let usage = try await scene.curfew("health", "--ready")
                #expect(usage.code == 2 && usage.errors.contains("expected a section “http”"), "\(usage)")
                await scene.server.stop()
                // Whatever isn't healthy is 1 for a probe, also a Redis that is gone.
                #expect(try await scene.curfew("health").code == 1)
                _ = await worker.terminate()
            }
        }

        @Test(
            "who accepts the connection and is silent isn't healthy after two seconds: a worker, with TLS, and Redis",
            arguments: [
                "redis: redis://127.0.0.1:1\nhttp: {listen: \"127.0.0.1:PORT\", open: true}",
                "redis: redis://127.0.0.1:1\nhttp: {listen: \"127.0.0.1:PORT\", open: true, tls: {certificate: c, key: k}}",
                "redis: redis://127.0.0.1:PORT",
            ])
        func silent(text: String) async throws {
            try await SilentServer.withServer { server in
                try await withFolder { folder in
                    let file = "\(folder)/curfew.yaml"
                    let whole = text.replacing("PORT", with: "\(server.port)") + "\n" + CommandLineScene.cleanups
                    try whole.write(toFile: file, atomically: true, encoding: .utf8)
                    let watch = Stopwatch()
                    let answer = try await CommandLineScene.curfew(["health", "--config", file], folder: folder)
                    #expect(answer.code == 1 && answer.errors.contains("no answer within 2"), "\(answer)")
                    #expect(watch.elapsed < .seconds(3), "\(watch.elapsed)")
                }
            }
        }

        @Test("a worker that is gone is noticed at once")
        func refused() async throws {
            try await withFile(port: try freePort()) { scene in
                let watch = Stopwatch()
                let answer = try await scene.curfew("health")
                #expect(answer.code == 1 && answer.errors.contains("connection refused"), "\(answer)")
                #expect(watch.elapsed < .seconds(1), "\(watch.elapsed)")
            }
        }

        @Test("a file with a problem is wrong usage for a probe too")
        func configuration() async throws {
            try await withFolder { folder in
                let answer = try await CommandLineScene.curfew(["health", "--config", "none.yaml"], folder: folder)
                #expect(answer.code == 2 && answer.errors.contains("none.yaml"), "\(answer)")
            }
        }

        /// A socket as a service manager has one; its messages are read without waiting.
        private struct Manager {
            let path: String
            private let descriptor: CInt

            init(folder: String) throws {
                path = "\(folder)/notify"
                descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
                var name = sockaddr_un()
                name.sun_family = sa_family_t(AF_UNIX)
                withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
                let bound = withUnsafePointer(to: name) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                    }
                }
                try #require(bound == 0, "a socket at \(path)")
            }

            func next() -> String? {
                var buffer = [UInt8](repeating: 0, count: 512)
                let count = recv(descriptor, &buffer, buffer.count, 0)
                return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
            }

            func end() { close(descriptor) }
        }

        @Test("a service manager is told that the worker is ready, and that it stops")
        func manager() async throws {
            try await withFile(port: nil) { scene in
                let manager = try Manager(folder: scene.server.folder)
                defer { manager.end() }
                let worker = try WorkerProcess(
                    configuration: scene.configuration, folder: scene.server.folder,
                    environment: ["NOTIFY_SOCKET=\(manager.path)"])
                var told: [String] = []
                try await eventually("it says that it is ready") {
                    told += manager.next().map { [$0] } ?? []
                    return told == ["READY=1\nSTATUS=Working"]
                }
                #expect(await worker.terminate() == 0)
                #expect(manager.next() == "STOPPING=1\nSTATUS=Handing over")
            }
        }

        @Test("a service manager that can't be reached is a warning, and the worker works")
        func noManager() async throws {
            try await withFile(port: nil) { scene in
                for place in ["\(scene.server.folder)/nothing", "/\(String(repeating: "x", count: 200))"] {
                    let worker = try WorkerProcess(
                        configuration: scene.configuration, folder: scene.server.folder,
                        environment: ["NOTIFY_SOCKET=\(place)"])
                    try await worker.ready()
                    #expect(worker.log.contains("the service manager can't be told"), "\(worker.log)")
                    #expect(await worker.terminate() == 0)
                }
            }
        }
    }
}
