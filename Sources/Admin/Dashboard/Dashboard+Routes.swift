internal import Curfew
internal import Foundation
internal import HTTPTypes
package import Hummingbird
internal import NIOCore
internal import Policies
internal import RedisClient
internal import ServiceLifecycle

extension Dashboard {
    /// Adds the routes: pages for viewers, actions for admins, and the sign-in page.
    package func addRoutes(to router: Router<AdminContext>) {
        for asset in Asset.all {
            router.get("assets/\(asset.name)") { request, _ in asset.response(to: request) }
        }
        let pages = router.group().add(middleware: PageErrors())
            .add(middleware: Identification(access: access))
        let visiting = Visiting(access: access)
        addSignIn(to: pages.group().add(middleware: visiting))
        let looking = pages.group().add(middleware: PageAccess(access: access, role: .viewer))
            .add(middleware: OnReaderThreads()).add(middleware: visiting)
        addPages(to: looking)
        addLive(to: looking)
        addActions(
            to: pages.group().add(middleware: PageAccess(access: access, role: .admin))
                .add(middleware: OnReaderThreads()).add(middleware: visiting))
    }

    private var names: [String] { service.engine.configuration.cleanups.map(\.name) }

    private func addPages(to router: some RouterMethods<AdminContext>) {
        router.get("/") { [self] request, context in
            let overview = try await reader.read()
            return answer(request, context) { OverviewPage.html(overview, $0) }
        }
        router.get("cleanups/:name") { [self] request, context in
            let view = try await CleanupView.read(context.name("name"), service, reader)
            return answer(request, context) { CleanupPage.html(view, names: names, $0) }
        }
        router.get("cleanups/:name/runs") { [self] request, context in
            let older = try Self.streamID(request.uri.queryParameters["before"].map(String.init))
            let view = try await CleanupView.read(context.name("name"), service, reader, older: older)
            return answer(request, context) { CleanupPage.olderRuns(view, names: names, $0) }
        }
        router.get("cleanups/:name/preview") { [self] request, context in
            let result = try await service.preview(context.name("name"))
            return answer(request, context) { PreviewPage.html(result, names: names, $0) }
        }
        router.get("cleanups/:name/stats") { [self] request, context in
            let statistics = try await service.stats(context.name("name"))
            return answer(request, context) { StatisticsPage.html(statistics, names: names, $0) }
        }
        router.get("runs/:run") { [self] request, context in
            let run = try await service.run(context.name("run"))
            let (changes, hasMore) = try await events(of: run, areErrors: false)
            let (errors, _) = try await events(of: run, areErrors: true)
            let now = try await service.engine.serverClock().now
            return answer(request, context) {
                RunPage.html(run, changes: changes, hasMore: hasMore, errors: errors, now: now, names: names, $0)
            }
        }
    }

    /// The newest changes of a run, or its errors, located by the run's time so that few events of other runs are read.
    private func events(of run: [String: String], areErrors: Bool) async throws -> ([StreamEntry], Bool) {
        let engine = service.engine
        let started = run["started_ms"] ?? run["acquired_ms"] ?? "0"
        let finished = run["finished_ms"].flatMap { Int64($0) }
        let page = try await History(engine: engine).page(
            of: engine.keys.events, RunPage.most, before: finished.map { "\($0 &+ 1_000)-0" },
            from: Int64(started).map { String(max(0, $0)) } ?? "0"
        ) { event in
            guard event["run"] == run["run"], !(event["record"] ?? "").isEmpty else { return false }
            return (event["action"] == Change.errorAction) == areErrors
        }
        return (page.entries, page.next != nil)
    }

    private static let events = "text/event-stream"

    private func addLive(to router: some RouterMethods<AdminContext>) {
        router.get("live") { [self] request, context -> Response in
            let text = request.uri.queryParameters["page"].map(String.init) ?? ""
            guard let subject = LiveSubject(text: text) else {
                throw AdminError(.badRequest, "page: expected overview or cleanup:NAME, found “\(text)”")
            }
            if case .cleanup(let name) = subject { _ = try await service.cleanup(name) }
            guard request.method == .get else { return Response(status: .ok, headers: [.contentType: Self.events]) }
            let channel = context.channel
            guard let watched = feed.watch(subject, by: context.pass, drop: { channel.close(promise: nil) }) else {
                throw AdminError(
                    .serviceUnavailable, "too many pages are open on this instance: close one and try again",
                    headers: [.retryAfter: "30"])
            }
            let feed = feed
            return Response(
                status: .ok, headers: [.contentType: Self.events, .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    defer { feed.leave(watched.id) }
                    try await writer.write(ByteBuffer(string: "retry: 5000\n\n"))
                    // The server waits for open answers when it shuts down, and this one doesn't end by itself.
                    try await withGracefulShutdownHandler {
                        for await message in watched.messages { try await writer.write(message) }
                    } onGracefulShutdown: {
                        feed.leave(watched.id)
                    }
                    try await writer.finish(nil)
                })
        }
    }

    private func addSignIn(to router: some RouterMethods<AdminContext>) {
        router.get("sign-in") { [self] request, context in
            guard context.role == nil else { return Self.redirect(to: Link.home) }
            guard access.settings.hasTokens else { throw access.missing }
            return answer(request, context) { SignInPage.html($0) }
        }
        router.post("sign-in") { [self] request, context in
            guard access.settings.hasTokens else { throw access.missing }
            let form = try await signInForm(request, context)
            let cookie = try await access.signIn(token: form["token"] ?? "", request, context)
            return Self.redirect(to: Link.home, cookies: [cookie])
        }
        router.post("sign-out") { [self] request, context in
            let form = try await FormBody(request, upTo: FormBody.mostToSignIn)
            try context.visit?.check(form["form_token"])
            try await access.signOut(request, context)
            let end = Session.header("", age: 0, isHTTPS: context.isHTTPS)
            return Self.redirect(to: Link.signIn, cookies: [end])
        }
    }

    /// Reads the sign-in form.
    ///
    /// A form with other fields counts as a wrong token, and only a short one is read.
    private func signInForm(_ request: Request, _ context: AdminContext) async throws -> FormBody {
        do {
            let form = try await FormBody(
                request, upTo: access.isSlowed(context) ? FormBody.mostToSignIn / 2 : FormBody.mostToSignIn)
            try context.visit?.check(form["form_token"])
            return form
        } catch let error as AdminError {
            throw access.refuseForm(error, context)
        }
    }

    private func addActions(to router: some RouterMethods<AdminContext>) {
        router.post("cleanups/:name/run") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, form in
                let limit = try form.integer("limit", in: ActionRoutes.limits)
                let options = Control.RunOptions(
                    dryRun: form["dryRun"] != nil, limit: limit, keepsTrash: form["noTrash"] == nil)
                return Self.notice(try await self.service.run(name, options, by: context.person))
            }
        }
        router.post("cleanups/:name/pause") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, form in
                let why = form["why"] ?? ""
                guard !why.readable.allSatisfy(\.isWhitespace), why.readable.unicodeScalars.count <= 500 else {
                    throw AdminError(.badRequest, "why: expected a reason of 1 to 500 characters")
                }
                return Self.notice(try await self.service.pause(name, why: why, by: context.person))
            }
        }
        router.post("cleanups/:name/resume") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, _ in
                Self.notice(try await self.service.resume(name, by: context.person))
            }
        }
        router.post("cleanups/:name/cancel") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, _ in
                Self.notice(try await self.service.cancel(name, by: context.person))
            }
        }
        router.post("runs/:run/undo") { [self] request, context in
            try await act(request, context, "run", Link.run) { run, _ in
                Self.notice(try await self.service.undo(run, by: context.person))
            }
        }
    }

    /// Performs the action of a form after checking its code, then redirects to the page it belongs to.
    private func act(
        _ request: Request, _ context: AdminContext, _ parameter: String, _ link: (String, String) -> String,
        _ deed: (String, FormBody) async throws -> Notice
    ) async throws -> Response {
        let subject = try context.name(parameter)
        let form = try await FormBody(request)
        guard let visit = context.visit else { throw Access.forbidden }
        try visit.check(form["form_token"])
        return Self.redirect(to: link(subject, ""), cookies: [visit.header(try await deed(subject, form))])
    }

    private static func notice(_ result: RunResult) -> Notice {
        Notice(result.message, isRefusal: !result.isSuccess)
    }

    private static func notice(_ done: AdminService.Done) -> Notice {
        Notice(done.message + ".", isRefusal: !done.success)
    }
}
