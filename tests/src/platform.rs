//! Six services with fault switches, each on a port of its own, in the test's process.

use acgs_demo_services::Service;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The runbook's six names.
pub const SERVICES: [&str; 6] =
    ["auth_service", "ac_service", "integrity_service", "fv_service", "gs_service", "pgc_service"];

/// Running services.
pub struct Platform {
    services: Vec<Running>,
}

struct Running {
    name: &'static str,
    url: String,
    server: JoinHandle<()>,
}

impl Platform {
    /// Starts all six.
    pub async fn start() -> Self {
        let mut services = Vec::new();
        for name in SERVICES {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let url = format!("http://{}", listener.local_addr().expect("bound"));
            let router = Service::sandbox(name).run().router;
            let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
            services.push(Running { name, url, server });
        }
        Self { services }
    }

    /// Their `[[service]]` entries.
    #[must_use]
    pub fn toml(&self) -> String {
        let entry = |service: &Running| {
            let critical = service.name == "auth_service";
            format!(
                "[[service]]\nname = {:?}\nurl = {:?}\ncritical = {critical}\n",
                service.name, service.url
            )
        };
        self.services.iter().map(entry).collect()
    }

    /// Sets a fault switch, for example `down=1`.
    pub async fn sick(&self, name: &str, switches: &str) {
        let answer = reqwest::Client::builder()
            .build()
            .expect("a client")
            .post(format!("{}/_sick?{switches}", self.service(name).url))
            .send()
            .await
            .expect("the service answers");
        assert!(answer.status().is_success(), "{switches}: {}", answer.status());
    }

    /// Ends a service: nobody listens on its port.
    pub async fn end(&mut self, name: &str) {
        let service = self.services.iter_mut().find(|service| service.name == name).expect("a service");
        service.server.abort();
        // Awaited so that the listener is closed when this returns; being cancelled is what was asked.
        let _ = (&mut service.server).await;
    }

    /// Where a service listens.
    #[must_use]
    pub fn url(&self, name: &str) -> url::Url {
        self.service(name).url.parse().expect("an address")
    }

    fn service(&self, name: &str) -> &Running {
        self.services.iter().find(|service| service.name == name).expect("one of the six")
    }
}
