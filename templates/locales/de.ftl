# Deutsch. Klare Wörter, kurze Sätze, und was als Nächstes zu tun ist.

## On every page
languages-label = Sprache
support = Hilfe
email-label = E-Mail-Adresse
continue = Weiter
cancel = Abbrechen
try-again = Erneut versuchen
waiting = Warten auf Ihr Gerät …
one-moment = Einen Moment …
not-you = Nicht Sie?
email-invalid = Geben Sie eine E-Mail-Adresse ein, etwa maria@example.com.
email-no-mail-to = Unser Mailserver kann an diese Adresse nicht schreiben. Nehmen Sie eine andere.
failed = Etwas ist schiefgegangen. Versuchen Sie es erneut.
offline = { $app } ist nicht erreichbar. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut.
reload = Seite neu laden
anew = Diese Seite wurde neu geladen. Bitte versuchen Sie es noch einmal.
recover-script-needed = Diese Seite funktioniert ohne JavaScript, der neue Passkey nach dem Code nicht: Erlauben Sie JavaScript für diese Website oder öffnen Sie die Seite in einem anderen Browser.
script-needed = Ein Teil dieser Seite wurde nicht geladen, daher funktionieren ihre Schaltflächen vielleicht nicht. Laden Sie die Seite neu. Hilft das nicht, erlauben Sie JavaScript für diese Website oder öffnen Sie die Seite in einem anderen Browser.
unsupported-heading = Dieser Browser kann keine Passkeys verwenden
unsupported-text = Aktualisieren Sie den Browser oder öffnen Sie diese Adresse in einem anderen:
unsupported-copy = Adresse kopieren
unsupported-copied = Kopiert
inside-heading = Öffnen Sie diese Seite in Ihrem Browser
inside-text = Sie sind im Browser einer anderen App, und der hat keine Passkeys. Öffnen Sie diese Adresse in Ihrem eigenen Browser, etwa Safari oder Chrome:
inside-notice = Sie sind im Browser einer anderen App. Wenn der keine Passkeys hat, kommen Sie hier nicht ans Ziel.
device-inside = Sie sind im Browser einer anderen App, der Passkeys vielleicht nicht zulässt. Öffnen Sie diese Seite in Ihrem eigenen Browser, etwa Safari oder Chrome.
device-constraint = Ihr Gerät braucht eine Bildschirmsperre oder Ihr Sicherheitsschlüssel eine PIN, bevor es Passkeys geben kann. Richten Sie das ein und versuchen Sie es dann erneut.
device-not-supported = Dieses Gerät oder dieser Sicherheitsschlüssel passt nicht zu unseren Passkeys. Nehmen Sie ein anderes Gerät oder einen anderen Schlüssel.
device-unreadable = Ihr Browser kam nicht an Ihre Passkeys heran. Entsperren Sie das Gerät, oder ziehen Sie den Sicherheitsschlüssel ab und stecken Sie ihn wieder ein. Versuchen Sie es dann erneut.
device-stopped = Etwas in Ihrem Browser hat das abgebrochen, vielleicht eine Erweiterung oder ein anderes Fenster. Versuchen Sie es erneut.
device-address = Ihr Browser lässt unter dieser Adresse keine Passkeys zu. Es liegt nicht an Ihnen. Bitte sagen Sie dem Betreiber von { $app } Bescheid.
device-odd = Ihr Browser oder Passwortmanager hat etwas geantwortet, das wir nicht lesen können. Aktualisieren Sie ihn oder nehmen Sie einen anderen, und versuchen Sie es dann erneut.

## Sign in
sign-in-heading = Anmelden
sign-in-lead = Mit Fingerabdruck, Gesicht oder Bildschirmsperre. Ohne Passwort.
sign-in-first = Bitte melden Sie sich an, um fortzufahren.
sign-in-or = oder
sign-in-passkey = Mit einem Passkey anmelden
passkey-what = Was ist ein Passkey?
passkey-what-text = Ein Passkey ersetzt das Passwort. Ihr Gerät bewahrt ihn auf, und Sie verwenden ihn mit Fingerabdruck, Gesicht oder Bildschirmsperre. Niemand kann ihn erraten, und er gilt nur für diese Website.
sign-in-new = Neu hier?
sign-in-create = Konto erstellen
sign-in-elsewhere-heading = Auf diesem Gerät hat die Anmeldung nicht geklappt
sign-in-elsewhere-text = Vielleicht ist Ihr Passkey auf einem anderen Gerät, oder Sie haben das Fenster geschlossen.
sign-in-gone-heading = Dieser Passkey ist nicht in Gebrauch
sign-in-gone-text = Dieser Passkey wurde nie fertig eingerichtet oder wurde entfernt. Nehmen Sie einen anderen oder einen anderen Weg, der unten steht.
sign-in-other-email = Andere E-Mail-Adresse verwenden

## Create an account
register-heading = Konto erstellen
register-lead = Statt eines Passworts verwenden Sie Fingerabdruck, Gesicht oder Bildschirmsperre.
register-passkey = Das nennt man Passkey. Er bleibt bei Ihrem Gerät.
register-have-account = Sie haben schon ein Konto?
register-sign-in = Anmelden
register-none-made = Es wurde noch kein Passkey erstellt. Ein Sicherheitsschlüssel kann voll sein oder erst eine PIN brauchen.
register-set-up = Hier ist schon ein Passkey von Ihnen. Nehmen Sie ihn, oder speichern Sie den neuen woanders.
register-closed = Zurzeit sind keine neuen Konten möglich.
register-invite = Neue Konten gibt es nur auf Einladung.
register-invite-text = Geben Sie die E-Mail-Adresse ein, mit der Sie eingeladen wurden.
register-closed-text = Wenn Sie schon ein Konto haben, können Sie sich anmelden.

## The code by email
code-heading = Prüfen Sie Ihr Postfach
code-sent = Wir haben einen 6-stelligen Code an { $email } gesendet. Er gilt 10 Minuten.
code-sent-to-some = Wir haben an { $email } geschrieben. Wenn diese Adresse ein Konto haben darf, steht in der E-Mail ein 6-stelliger Code. Er gilt 10 Minuten.
code-label = 6-stelliger Code
code-sent-long = Wir haben einen Code aus 15 Buchstaben und Ziffern an { $email } gesendet. Er gilt 10 Minuten.
code-sent-to-some-long = Wir haben an { $email } geschrieben. Wenn diese Adresse ein Konto haben darf, steht in der E-Mail ein Code aus 15 Buchstaben und Ziffern. Er gilt 10 Minuten.
code-label-long = Code aus der E-Mail
code-unreadable-long = Geben Sie die 15 Buchstaben und Ziffern aus der E-Mail ein.
code-resend = Neuen Code senden
code-other-email = Andere E-Mail-Adresse verwenden
code-sender = Die E-Mail kommt von { $address }. Wenn Sie sie nicht sehen, schauen Sie in den Spam-Ordner.
code-wrong = { $tries ->
    [one] Dieser Code stimmt nicht. Sehen Sie in der E-Mail nach. Noch { $tries } Versuch.
   *[other] Dieser Code stimmt nicht. Sehen Sie in der E-Mail nach. Noch { $tries } Versuche.
}
code-unreadable = Geben Sie die 6 Ziffern aus der E-Mail ein.
code-older = { $tries ->
    [one] Das ist ein älterer Code. Geben Sie den aus unserer neuesten Mail ein. { $tries } Versuch übrig.
   *[other] Das ist ein älterer Code. Geben Sie den aus unserer neuesten Mail ein. { $tries } Versuche übrig.
}
code-too-old = Dieser Code ist zu alt. Lassen Sie sich einen neuen senden und geben Sie diesen ein.
code-used-up = Dieser Code wurde zu oft versucht. Lassen Sie sich einen neuen senden und geben Sie diesen ein.
code-resent = Wir haben Ihnen einen neuen Code gesendet. Frühere Codes gelten nicht mehr.
code-resent-to-some = Wir haben Ihnen noch einmal geschrieben. Codes aus früheren Mails gelten nicht mehr.
recover-code-resent = Wenn es dieses Konto gibt, haben wir einen neuen Code gesendet. Frühere Codes gelten nicht mehr.
code-wait = { $seconds ->
    [one] In { $seconds } Sekunde können Sie einen weiteren Code anfordern.
   *[other] In { $seconds } Sekunden können Sie einen weiteren Code anfordern.
}
code-too-many = Sie haben zu oft einen Code angefordert. Versuchen Sie es in { $wait } erneut.

## A device you're already signed in on
sign-in-other-device = Anderes Gerät verwenden
sign-in-lost = Gerät verloren
link-start-heading = Mit einem Gerät, auf dem Sie schon angemeldet sind
link-where = Wo sind Sie schon angemeldet?
link-where-phone = Auf einem Telefon oder Tablet
link-where-computer = Auf einem Computer
link-scan-this = Scannen Sie das mit Ihrem Telefon oder Tablet:
link-qr = QR-Code mit der Adresse dieser Anmeldung
link-go = Öffnen Sie auf jenem Gerät { $address } und geben Sie ein:
link-type-there = Geben Sie dort diese Zahl ein:
link-approve-there = Bestätigen Sie auf dem anderen Gerät.
link-cannot-approve = Bestätigen geht nicht?
link-go-to = Öffnen Sie { $address } auf dem Computer, auf dem Sie schon angemeldet sind.
link-scan-code = Dort gezeigten Code scannen
link-camera-denied = Die Einstellungen von Browser oder Gerät erlauben die Kamera nicht.
link-camera-none = Wir finden keine Kamera.
link-camera-busy = Vielleicht nutzt ein anderes Programm die Kamera.
link-camera-off = Geben Sie stattdessen den Code ein.
link-camera-label = Kamerabild
link-scanning = Richten Sie die Kamera auf den Code.
link-foreign = Das ist ein anderer Code. Scannen Sie den, den { $app } zeigt.
link-type-code = Code
link-or-type = oder eingeben
link-left = { $minutes ->
    [one] Warten … noch { $minutes } Minute
   *[other] Warten … noch { $minutes } Minuten
}
link-new-code = Neuen Code zeigen
link-again = Neu anfangen
link-denied-heading = Diese Anmeldung wurde abgelehnt
link-denied-text = Jemand hat auf dem anderen Gerät Nein gesagt.
link-too-old-heading = Das hat zu lange gedauert
link-too-old-text = Ein Code gilt 5 Minuten.
link-gone-heading = Diese Anmeldung ist vorbei
link-gone-text = Sie wurde abgeschlossen, oder ihre 5 Minuten sind um.
link-spent-heading = Die Zahl war zu oft falsch
link-spent-text = Zu Ihrer Sicherheit wurde diese Anmeldung beendet.
link-none-heading = Dieser Code gilt nicht
link-heading = Gerät verbinden
link-offer-heading = Ihr neues Gerät kann scannen
link-offer = Scannen Sie das mit dem neuen Gerät, um dessen Anmeldung zu bestätigen:
link-offer-short = oder geben Sie dort diesen Code ein:
link-enter-heading = Ihr neues Gerät zeigt einen Code
link-offer-enter = Geben Sie diesen Code hier ein.
link-approve-heading = Melden Sie sich gerade an?
link-account = Konto
link-same-network = Anscheinend im selben Netz
link-other-address = Unter einer anderen Netzadresse
link-other-network = Wir sehen es unter einer anderen Netzadresse als dieses Gerät. Das ist normal bei mobilen Daten oder einem VPN. Prüfen Sie, dass Sie jenen Bildschirm sehen.
link-several = Mehr als ein Browser hat diesen Code geöffnet. Die Zahl, die Sie eingeben, entscheidet, welchen Sie bestätigen.
link-just-now = gerade eben
link-minutes-ago = { $minutes ->
    [one] vor { $minutes } Minute
   *[other] vor { $minutes } Minuten
}
link-number-label = Geben Sie die Zahl von jenem Bildschirm ein
link-warning = Bestätigen Sie nur, wenn Sie jenen Bildschirm sehen. Wir bitten nie am Telefon, im Chat oder per E-Mail darum.
link-approve = Mit Passkey bestätigen
link-deny = Nein, das bin ich nicht
link-not-approved = Es wurde noch nichts bestätigt.
link-number-invalid = Geben Sie die 2 Ziffern von jenem Bildschirm ein.
link-approved-heading = Bestätigt
link-approved-text = Ihr anderes Gerät macht von selbst weiter. Sie können diese Seite schließen.
link-turned-down-heading = Abgelehnt
link-turned-down-text = Es wurde niemand angemeldet.
link-elsewhere-heading = In einem anderen Browser bestätigt
link-elsewhere-text = Ein anderer Browser, der diesen Code geöffnet hat, hat die Anmeldung bestätigt. Wenn Sie das waren, ist hier nichts zu tun. Wenn nicht, lehnen Sie jetzt ab.
link-chosen-heading = Ein anderer Browser wurde gewählt
link-chosen-text = Dieser Code wurde in mehr als einem Browser geöffnet, und die Zahl eines anderen wurde eingegeben. Wenn Sie das waren, machen Sie dort weiter. Wenn nicht, fangen Sie neu an.
link-add-heading = Dieses Gerät hinzufügen
link-add-number = Geben Sie diese Zahl an Ihrem Computer ein:
link-home = Zu { $app }

## Set up this device
set-up-heading = Dieses Gerät einrichten
set-up-text = Ihr Gerät fragt nach Fingerabdruck, Gesicht oder Bildschirmsperre. Das verlässt Ihr Gerät nie: Wir bekommen nur einen Schlüssel.
set-up-create = Passkey erstellen
name-passkey = Passkey benennen
faster-heading = Nächstes Mal schneller anmelden?
faster-text = Erstellen Sie einen Passkey auf diesem Gerät. Dann brauchen Sie das andere nicht mehr.
faster-later = Nicht jetzt

## A lost device
recover-heading = Wieder anmelden
recover-lead = Wir senden Ihnen einen Code per E-Mail. Dann richten Sie dieses Gerät ein.
recover-delayed = Wir senden Ihnen einen Code per E-Mail und informieren Ihre anderen Geräte. Nach einer Wartezeit können Sie dieses Gerät einrichten.
recover-admin = Bitten Sie, wer { $app } betreibt, um einen Code. Dann richten Sie dieses Gerät ein.
recover-off = Ein verlorener Passkey lässt sich hier nicht ersetzen. Fragen Sie, wer { $app } betreibt.
recover-button = Code per E-Mail senden
recover-code-sent-long = Wenn es dieses Konto gibt, haben wir einen Code aus 15 Buchstaben und Ziffern an { $email } gesendet. Er gilt 10 Minuten.
recover-code-sent = Wenn es dieses Konto gibt, haben wir einen 6-stelligen Code an { $email } gesendet. Er gilt 10 Minuten.
recover-code-admin = Geben Sie den Code ein, den Sie für { $email } bekommen haben.
recover-code-no-mail = Unser Mailserver kann nicht an { $email } schreiben. Bitten Sie, wer { $app } betreibt, um einen Code, und geben Sie ihn hier ein.
recover-code-label = Code
recover-admin-unreadable = Geben Sie den Code ein, den Sie bekommen haben.
recover-admin-wrong = { $tries ->
    [one] Dieser Code stimmt nicht. Prüfen Sie ihn und versuchen Sie es erneut. Noch { $tries } Versuch.
   *[other] Dieser Code stimmt nicht. Prüfen Sie ihn und versuchen Sie es erneut. Noch { $tries } Versuche.
}
recover-admin-over = Dieser Code gilt nicht mehr. Bitten Sie, wer { $app } betreibt, um einen neuen.
recover-held = Abschließen können Sie am { $until }. Ihre anderen Geräte wissen Bescheid.
recover-held-again = Kommen Sie dann auf diese Seite zurück und geben Sie einen neuen Code ein.
review-heading = Schützen Sie Ihr Konto
review-lead = Sie sind wieder angemeldet. Entfernen Sie die Geräte, die Sie nicht mehr haben.
review-legend = Ihre älteren Passkeys
review-nothing-chosen = Wählen Sie die Passkeys aus, die Sie nicht mehr haben, oder behalten Sie alle.
review-changed = Ihre Passkeys haben sich inzwischen geändert, oder das ist schon beantwortet.
review-remove = Ausgewählte entfernen
review-keep = Alle behalten
review-confirm = Ihr Gerät fragt zur Bestätigung nach Ihrem neuen Passkey.
contest-heading = Dieses Konto wurde wiederhergestellt
contest-who = Jemand hat mit einem Code an { $email } einen neuen Passkey erstellt. Bis die Geräte durchgesehen sind, öffnet dieser Passkey nichts.
contest-who-by-hand = Jemand hat für { $email } einen neuen Passkey erstellt, mit einem Code vom Betreiber von { $app }. Bis die Geräte durchgesehen sind, öffnet dieser Passkey nichts.
contest-again = Die Rückkehr ins Konto wurde schon einmal gestoppt. Wenn Sie das nicht klären können, fragen Sie, wer { $app } betreibt.
contest-new = Der neue Passkey
contest-older = Ihr Passkey, gerade verwendet
contest-me = Das war ich
contest-not-me = Das war ich nicht
contest-me-heading = Antworten Sie auf dem anderen Gerät
contest-me-text = Machen Sie bei „Schützen Sie Ihr Konto“ weiter, in dem Browser, in dem Sie zurückgekehrt sind. Danach funktioniert dieser Passkey wieder.
contest-stopped-heading = Wir haben es gestoppt
contest-stopped-text = Der neue Passkey öffnet nichts. Melden Sie sich mit Ihrem Passkey und einem Code an, der an Ihre Mailadresse geht, oder fragen Sie, wer { $app } betreibt.
contest-sign-in = Anmelden
recover-cancel-heading = Wiederherstellung stoppen?
recover-cancel-text = Jemand, vielleicht Sie, wollte wieder in Ihr Konto kommen. Wenn Sie das nicht waren, stoppen Sie es.
recover-cancel-button = Stoppen
recover-cancelled-heading = Gestoppt
recover-cancelled-text = So kommt niemand in Ihr Konto, es hat sich nichts geändert. Prüfen Sie, wer Ihre E-Mails lesen kann.
recover-not-stopped-heading = Es wurde nichts gestoppt
recover-link-cut = Hier ist nur ein Teil des Links angekommen. Es wurde noch nichts gestoppt.
recover-link-not-whole = Der Link ist nicht ganz angekommen, darum ist nicht zu erkennen, was gestoppt werden soll.
recover-link-not-right = Dieser Link stimmt nicht. Er wurde unterwegs verändert oder ist von woanders.
word-link-label = Link aus der E-Mail
word-link-hint = Öffnen Sie die E-Mail dazu, kopieren Sie den ganzen Link und fügen Sie ihn hier ein.
recover-cancel-otherwise = Sie können sich auch anmelden und es unter „Meine Geräte“ stoppen, oder fragen, wer { $app } betreibt.
recover-another-waits = Dieser Link gehört zu einem früheren Versuch, der vorbei ist. Seitdem wollte wieder jemand in Ihr Konto kommen, und das läuft weiter. Nehmen Sie den Link aus der neueren E-Mail, oder stoppen Sie es unter „Meine Geräte“.
recover-too-late-heading = Das lässt sich nicht mehr stoppen
recover-too-late-text = Jemand ist am { $when } wieder in Ihr Konto gekommen.
recover-too-late-do = Wenn Sie das nicht waren, handeln Sie jetzt: Melden Sie sich mit einem Passkey an, den Sie vorher hatten, und sagen Sie dort, dass Sie es nicht waren. Wenn das nicht geht, fragen Sie, wer { $app } betreibt.
recover-stopped-before-heading = Das ist schon gestoppt
recover-stopped-before-text = Das Zurückkommen in Ihr Konto wurde zuletzt am { $when } gestoppt, und auf diesem Weg wartet jetzt niemand. Prüfen Sie, wer Ihre E-Mails lesen kann.
recover-also-recovered = Davor ist am { $when } jemand wieder in Ihr Konto gekommen. Wenn Sie das nicht waren, sehen Sie Ihre Geräte durch und fragen Sie, wer { $app } betreibt.
recover-over-heading = Das ist vorbei
recover-over-text = Dieser Link stoppt nichts mehr, und auf diesem Weg wartet jetzt niemand darauf, in Ihr Konto zu kommen. Sehen Sie Ihre Geräte durch.

## Your apps
apps-heading = Ihre Apps
apps-none = Sie haben hier noch keine Apps.

## My devices
devices-heading = Meine Geräte
devices-who = Sie sind als { $email } angemeldet.
devices-passkeys = Passkeys
devices-this-device = Dieses Gerät
devices-synced = In Ihrem Passwortmanager gespeichert
devices-local-here = Nur auf diesem Gerät
devices-local-there = Nur auf jenem Gerät
devices-made-in = Erstellt in { $browser }
devices-added = Hinzugefügt am { $day }
devices-last-used = Zuletzt verwendet am { $day }
devices-never-used = Noch nicht verwendet
devices-rename = Umbenennen
devices-name-label = Name
devices-save = Speichern
devices-remove = Entfernen
devices-add = Gerät hinzufügen
devices-add-here = Hier einen Passkey hinzufügen
devices-sessions = Angemeldete Browser
devices-this-browser = Dieser Browser
devices-last-seen = Zuletzt gesehen am { $day }
devices-sign-out = Abmelden
devices-sign-out-everywhere = Überall abmelden
devices-activity = Letzte Ereignisse
devices-held = Jemand wollte wieder in Ihr Konto kommen ({ $browser }).
devices-held-until = Das geht ab { $until }. Wenn Sie das nicht waren, stoppen Sie es.
devices-remove-heading = Diesen Passkey entfernen?
devices-remove-text = Er kann nicht mehr zum Anmelden verwendet werden, und damit angemeldete Browser werden abgemeldet. Ihr Gerät fragt zur Bestätigung nach einem Passkey.
devices-remove-last = Das ist Ihr letzter Passkey. Ohne ihn brauchen Sie einen anderen Weg ins Konto. Geben Sie Ihre E-Mail-Adresse ein, um ihn zu entfernen.
devices-remove-button = Passkey entfernen
devices-none-removed = Es wurde nichts geändert.
devices-unsupported = Dieser Browser kann keine Passkeys verwenden. Öffnen Sie diese Seite in einem anderen, um welche hinzuzufügen oder zu entfernen.
devices-add-text = Bestätigen Sie zuerst mit einem Passkey, den Sie haben.
devices-stop-text = Jemand hat nach einem Weg zurück in Ihr Konto gefragt. Bestätigen Sie mit einem Passkey, den Sie haben, dann wird das gestoppt.
devices-confirm = Mit einem Passkey bestätigen
event-registered = Konto erstellt
event-signed-in = Angemeldet
event-passkey-added = Passkey hinzugefügt
event-passkey-removed = Passkey entfernt
event-passkey-copied = Passkey abgewiesen: Er sah kopiert aus
event-link-approved = Anderes Gerät bestätigt
event-link-denied = Anderes Gerät abgelehnt
event-recovery-held = Wiederherstellung angefordert
event-recovery-cancelled = Wiederherstellung gestoppt
event-recovery-contested = Rückkehr ins Konto bestritten
event-recovery-undone = Rückkehr ins Konto rückgängig gemacht
event-review-answered = Geräte nach der Rückkehr ins Konto durchgesehen
event-recovered = Mit einem Code wieder angemeldet
event-signed-out-everywhere = Überall abgemeldet
event-token-copied = Abgemeldet: Ein Token wurde zweimal benutzt
event-passkey-can-sync = Passkey kann jetzt auf andere Geräte synchronisiert werden
event-address-asked = Andere Adresse angefragt
event-address-changed = Adresse geändert
event-address-restored = Adressänderung rückgängig gemacht
event-passkey-moved = Passkey benutzt, nachdem er in einen anderen Manager umgezogen war
moment-month = { $month ->
    [1] Jan.
    [2] Feb.
    [3] März
    [4] Apr.
    [5] Mai
    [6] Juni
    [7] Juli
    [8] Aug.
    [9] Sept.
    [10] Okt.
    [11] Nov.
   *[other] Dez.
}
moment-day = { $day }. { $month } { $year }
moment-at = { $day }. { $month } um { $time } UTC

## My account
account-heading = Mein Konto
account-name = Name
account-name-hint = So nennen die Apps Sie hier. Das Feld darf leer bleiben.
account-language-none = Wie im Browser
account-language-hint = Für unsere E-Mails an Sie und für diese Seiten in diesem Browser.
account-saved = Gespeichert.
account-changed = Ihre Adresse ist geändert. Melden Sie sich ab jetzt mit der neuen an.
account-address-text = Mit dieser Adresse melden Sie sich an, und an sie schreiben wir.
account-change = Adresse ändern
account-change-heading = E-Mail-Adresse ändern
account-change-text = Ihr Gerät fragt nach einem Passkey. Dann senden wir einen 6-stelligen Code an die neue Adresse.
account-change-label = Neue E-Mail-Adresse
account-asked = Wir warten auf den Code für { $email }.
account-asked-enter = Code eingeben
account-code-sent = Wenn { $email } für Ihr Konto verwendet werden kann, haben wir einen 6-stelligen Code dorthin gesendet. Er gilt 10 Minuten.
account-code-sent-long = Wenn { $email } für Ihr Konto verwendet werden kann, haben wir einen Code aus 15 Buchstaben und Ziffern dorthin gesendet. Er gilt 10 Minuten.
account-moved = Vorher war es { $email }. Wir haben dorthin geschrieben, wie sich die Änderung rückgängig machen lässt.
account-moved-until = Das geht bis { $until }. Danach können Sie sie wieder ändern.
account-undone-lately = Eine Änderung dieser Adresse wurde über den Link in unserer E-Mail rückgängig gemacht.
account-undone-until = Ändern können Sie sie wieder nach { $until }.
account-delete-later = Löschen können Sie das Konto, sobald sich die Adresse wieder ändern lässt.
account-undo-heading = Neue Adresse rückgängig machen?
account-undo-text = Ihr Konto bekommt seine frühere Adresse zurück, und alle Browser werden abgemeldet.
account-undo-button = Rückgängig machen
account-undo-cut = Hier ist nur ein Teil des Links angekommen. Es wurde noch nichts rückgängig gemacht.
account-undo-not-whole = Der Link ist nicht ganz angekommen, darum ist nicht zu erkennen, was rückgängig gemacht werden soll.
account-undo-not-right = Dieser Link stimmt nicht. Er wurde unterwegs verändert oder ist von woanders.
account-undo-otherwise = Wenn es nicht klappt, fragen Sie, wer { $app } betreibt.
account-not-undone-heading = Es wurde nichts rückgängig gemacht
account-undone-heading = Ihre frühere Adresse gilt wieder
account-undone-text = Alle Browser wurden abgemeldet. Melden Sie sich jetzt mit Ihrer früheren Adresse an oder kehren Sie mit ihr ins Konto zurück, oder fragen Sie, wer { $app } betreibt, und entfernen Sie Passkeys, die Sie nicht kennen.
account-undo-gone-heading = Es gibt nichts rückgängig zu machen
account-undo-gone-text = Die Änderung wurde schon rückgängig gemacht oder ist älter als ein Tag. Wenn jemand anderes Ihr Konto hat, fragen Sie, wer { $app } betreibt.
account-data = Ihre Daten
account-data-text = Eine Datei mit allem, was hier zu Ihrem Konto steht: Adresse, Passkeys, Browser und Ereignisse. Was in den Apps ist, fehlt darin.
account-download = Meine Daten herunterladen
account-download-text = Ihr Gerät fragt zuerst nach einem Passkey. Geben Sie die Datei nicht weiter: Sie zeigt, wann und von wo Sie sich angemeldet haben.
account-downloaded = Ihr Browser hat die Datei jetzt. Sie heißt account.json.
account-delete = Mein Konto löschen
account-delete-hint = Sie verlieren hier endgültig den Zugang. Das lässt sich nicht rückgängig machen.
account-delete-heading = Ihr Konto löschen?
account-delete-text = Passkeys, Browser und Ereignisse werden hier sofort gelöscht. Was Sie in den Apps speichern, bleibt dort: Löschen Sie es vorher, oder fragen Sie, wer { $app } betreibt.
account-delete-label = Geben Sie Ihre E-Mail-Adresse ein
account-delete-button = Mein Konto löschen
account-deleted-heading = Ihr Konto ist gelöscht
account-deleted-text = Sie sind überall abgemeldet, und wir haben Ihnen eine letzte E-Mail gesendet. Was Sie in den Apps gespeichert haben, ist noch dort: Wenn es gelöscht werden soll, fragen Sie, wer { $app } betreibt.
account-deleted-passkeys = Ihr Gerät zeigt den Passkey vielleicht noch an. Sie können ihn dort im Passwortmanager entfernen.

## Sign out
hand-off-heading = Weiter zu { $host }
hand-off-confirm-heading = Sind Sie das?
hand-off-confirm-who = Bevor diese Seiten hierher umgezogen sind, waren Sie als { $email } angemeldet.
hand-off-confirm-other = Ein anderes Konto verwenden
hand-off-button = Weiter

sign-out-heading = Abmelden?
sign-out-who = Sie sind als { $email } angemeldet.
sign-out-clears = Dabei wird auch entfernt, was die App in diesem Browser aufbewahrt, selbst was sie noch nicht gesendet hat.
sign-out-everywhere = Damit ist dieser Browser bei allen Apps abgemeldet, bei denen er hier angemeldet war.
sign-out-another = Danach können Sie sich mit einem anderen Konto anmelden.
sign-out-button = Abmelden
sign-out-back = Zurück
signed-out-heading = Sie sind abgemeldet
signed-out-text = Schließen Sie dieses Fenster, wenn auch andere dieses Gerät benutzen.
signed-out-again = Wieder anmelden

## When something is in the way
error-request = Anfrage
error-home = Zu { $app }
error-bad-request-heading = Diese Anfrage ist nicht lesbar
error-bad-request-text = Vielleicht ist die Adresse vertippt. Prüfen Sie sie und versuchen Sie es erneut.
error-ambiguous-heading = Welche Seite gemeint ist, bleibt unklar
error-ambiguous-text = Server lesen diese Adresse verschieden, und hier macht das einen Unterschied. Schreiben Sie sie ohne doppelte Schrägstriche, Strichpunkte oder kodierte Buchstaben.
error-head-heading = Ihr Browser hat zu viel gesendet
error-head-text = Die Adresse oder die Cookies dieser Website sind zu lang. Löschen Sie die Cookies dieser Website und versuchen Sie es erneut.
error-body-heading = Das ist zu groß
error-body-text = Was Sie gesendet haben, ist größer, als diese Adresse annimmt. Gehen Sie zurück und versuchen Sie es mit etwas Kleinerem.
error-late-heading = Das hat zu lange gedauert
error-late-text = Was Sie gesendet haben, kam nicht rechtzeitig an. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut.
error-method-heading = Das geht hier nicht
error-method-text = Diese Adresse nimmt solche Anfragen nicht an.
error-plain-http-heading = Diese Seite braucht https
error-plain-http-text = Was Sie gesendet haben, kam ungeschützt und wurde nicht angenommen. Öffnen Sie die Adresse mit https am Anfang und versuchen Sie es erneut.
error-forbidden-heading = Sie haben keinen Zugriff
error-forbidden-text = Ihr Konto kann diese Seite nicht öffnen. Wenn Sie sie brauchen, fragen Sie die Betreiber dieser Website.
error-forbidden-who = Sie sind als { $email } angemeldet. Dieses Konto kann diese Seite nicht öffnen. Wenn Sie sie brauchen, fragen Sie die Betreiber dieser Website.
error-forbidden-another = Anderes Konto verwenden
error-forbidden-ask = Zugriff anfragen
error-not-found-heading = Hier gibt es keine Seite
error-not-found-text = Prüfen Sie die Adresse auf Tippfehler.
error-asked-only-heading = So ist die App nicht zu erreichen
error-asked-only-text = Der Anmeldedienst wurde nach einer Seite der App gefragt und hat keine. Der Server davor muss solche Anfragen an die App selbst schicken; bitte sagen Sie es denen, die ihn betreiben.
error-misdirected-heading = Diese Adresse kennen wir nicht
error-misdirected-text = Unter diesem Namen gibt es hier nichts. Prüfen Sie die Adresse auf Tippfehler.
error-too-many-heading = Zu viele Versuche
error-too-many-text = Bitte versuchen Sie es in { $wait } erneut.
error-too-many-later = Bitte warten Sie ein wenig und versuchen Sie es dann erneut.
wait-seconds = { $count ->
    [one] { $count } Sekunde
   *[other] { $count } Sekunden
}
wait-minutes = { $count ->
    [one] { $count } Minute
   *[other] { $count } Minuten
}
wait-hours = { $count ->
    [one] { $count } Stunde
   *[other] { $count } Stunden
}
error-too-many-open-heading = Zu viel auf einmal
error-too-many-open-text = Aus Ihrem Netz sind zu viele Anfragen offen. Schließen Sie andere Fenster dieser App oder versuchen Sie es gleich noch einmal.
error-no-room-heading = Gerade ist kein Platz
error-no-room-text = Zu viele Menschen nutzen dies gleichzeitig. Versuchen Sie es gleich noch einmal.
error-fault-heading = Etwas ist schiefgegangen
error-fault-text = Es liegt an uns, nicht an Ihnen. Versuchen Sie es gleich noch einmal.
error-upstream-heading = { $app } antwortet nicht
error-upstream-text = Vielleicht startet es gerade neu. Versuchen Sie es gleich noch einmal.
error-unavailable-heading = Die Anmeldung funktioniert gerade nicht
error-unavailable-text = Versuchen Sie es gleich noch einmal. Es liegt nicht an Ihnen.
error-cookie-heading = Ihr Browser behält unser Cookie nicht
error-cookie-text = Wir brauchen ein Cookie, um Sie wiederzuerkennen. Erlauben Sie Cookies für diese Website und versuchen Sie es dann erneut. War die Seite einen Tag lang geöffnet, genügt ein neuer Versuch.
error-hand-off-heading = Wir konnten Sie hier nicht anmelden
error-hand-off-text = Es hat zu lange gedauert, Sie haben sich inzwischen abgemeldet, oder es kam nicht von unserer Anmeldeseite. Bitte melden Sie sich noch einmal an.
error-form-heading = Dieses Formular gilt nicht mehr
error-form-text = Es war zu lange oder in einem anderen Fenster geöffnet. Es wurde nichts geändert. Versuchen Sie es mit einem neuen.
error-ended-heading = Hier geht es nicht weiter
error-ended-text = Es hat zu lange gedauert, ist schon fertig oder wurde in einem anderen Browser begonnen. Bitte fangen Sie neu an.
error-ended-again = Neu anfangen

## What the script is told
refusal-unavailable = Das funktioniert gerade nicht. Versuchen Sie es gleich noch einmal. Es liegt nicht an Ihnen.
refusal-unknown-passkey = Dieser Passkey wurde nie fertig eingerichtet oder wurde entfernt. Nehmen Sie einen anderen.
refusal-expired-ceremony = Das hat zu lange gedauert, oder es ist schon geschehen. Drücken Sie den Knopf noch einmal.
refusal-doubted = Dieser Passkey lässt sich nicht mehr verwenden: Er sieht kopiert oder verändert aus. Nehmen Sie ein anderes Gerät oder einen anderen Weg.
refusal-not-accepted = Die Antwort Ihres Geräts ließ sich nicht prüfen. Nehmen Sie ein anderes Gerät, einen anderen Passwortmanager oder einen anderen Weg.
refusal-email-not-allowed = Konten gibt es hier nur für bestimmte E-Mail-Adressen. Nehmen Sie Ihre berufliche Adresse oder fragen Sie, wer { $app } betreibt.
refusal-account-disabled = Dieses Konto ist abgeschaltet. Fragen Sie, wer { $app } betreibt.
refusal-rests = Dieses Konto wurde kürzlich wiederhergestellt, und dieser Passkey öffnet nichts, bis die Geräte durchgesehen sind. Melden Sie sich damit an, um zu sagen, ob Sie das waren.
refusal-form = Diese Seite gilt nicht mehr: Sie war zu lange geöffnet, oder Sie haben in einem anderen Fenster weitergemacht. Laden Sie sie neu und versuchen Sie es erneut.
refusal-no-cookie = Ihr Browser hat uns kein Cookie geschickt: Er behält keines, oder diese Seite war zu lange geöffnet. Laden Sie die Seite neu. Hilft das nicht, erlauben Sie Cookies für diese Website.

refusal-wrong-number = { $tries ->
    [one] Das ist nicht die Zahl von jenem Bildschirm. Noch { $tries } Versuch.
   *[other] Das ist nicht die Zahl von jenem Bildschirm. Noch { $tries } Versuche.
}
refusal-numbers-spent = Die Zahl war zu oft falsch, darum wurde diese Anmeldung beendet. Fangen Sie auf dem anderen Gerät neu an.
refusal-no-link = Dieser Code gilt nicht. Vielleicht ist er vertippt, verbraucht oder zu alt. Prüfen Sie ihn oder lassen Sie das andere Gerät einen neuen zeigen.
refusal-link-too-old = Das hat zu lange gedauert. Fangen Sie auf dem anderen Gerät neu an.
refusal-link-denied = Diese Anmeldung wurde abgelehnt.
refusal-link-crowded = Zu viele Browser haben diesen Code geöffnet. Lassen Sie das andere Gerät einen neuen Code zeigen und nehmen Sie diesen.
refusal-link-elsewhere = Das wurde mit einem anderen Browser bestätigt, der den Code geöffnet hatte.
refusal-other-network = { $app } verbindet nur Geräte, die unter derselben Netzadresse zu sehen sind, und diese beiden sind es nicht. Verbinden Sie beide mit demselben WLAN, schalten Sie mobile Daten und VPN aus und versuchen Sie es erneut. Hilft das nicht, fragen Sie, wer { $app } betreibt.
refusal-not-approved = Dieses Gerät wurde noch nicht bestätigt.
refusal-link-off = Die Anmeldung mit einem anderen Gerät ist hier abgeschaltet. Fragen Sie, wer { $app } betreibt.
refusal-not-signed-in = Sie sind nicht mehr angemeldet. Melden Sie sich an und versuchen Sie es erneut.
refusal-last-passkey = Das ist Ihr letzter Passkey. Geben Sie Ihre E-Mail-Adresse ein, um ihn zu entfernen.
refusal-email-mismatch = Das ist nicht die E-Mail-Adresse dieses Kontos. Prüfen Sie sie und versuchen Sie es erneut.
refusal-contested = Dieser Passkey öffnet jetzt nichts: Die Rückkehr ins Konto wurde mit einem älteren Passkey gestoppt, oder nach Ihnen kehrte noch jemand zurück. Kehren Sie noch einmal zurück, oder fragen Sie, wer { $app } betreibt.
refusal-contest-ended = Das hat zu lange gedauert, oder es ist schon beantwortet. Melden Sie sich noch einmal mit Ihrem Passkey an.
refusal-recovery-ended = Das hat zu lange gedauert, oder es ist schon fertig. Um neu anzufangen, lassen Sie sich einen neuen Code senden.
refusal-too-many-passkeys = Dieses Konto hat so viele Passkeys, wie es haben kann. Entfernen Sie zuerst unter „Meine Geräte“ einen, den Sie nicht mehr benutzen.
refusal-own-address = Das ist schon die Adresse dieses Kontos. Geben Sie eine andere ein.
refusal-changed-lately = Die Adresse dieses Kontos wurde innerhalb des letzten Tages geändert, oder eine Änderung wurde rückgängig gemacht. Versuchen Sie es noch einmal, sobald danach ein Tag vergangen ist.
refusal-recovering = Jemand ist dabei, wieder in dieses Konto zu kommen. Wenn „Meine Geräte“ das zeigt, können Sie es dort stoppen. Sonst versuchen Sie es noch einmal, sobald es vorbei ist.
refusal-no-passkey = Diesen Passkey gibt es nicht mehr. Laden Sie die Seite neu.

## Mails
browser-on-system = { $browser } unter { $system }
browser-unknown = Unbekannter Browser
passkey-made-in = erstellt in { $browser }
mail-when = Wann
mail-browser = Browser
mail-not-you = Nicht Sie?
mail-hello = Guten Tag,
mail-support = Fragen? { $address }
mail-code-subject = { $code } ist Ihr Code für { $app }
mail-code-text = Geben Sie diesen Code ein, um Ihr Konto bei { $app } fertigzustellen:
mail-code-lasts = Er gilt 10 Minuten in dem Browser, in dem Sie ihn angefordert haben. Wir fragen nie am Telefon oder im Chat danach.
mail-code-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail. Ohne den Code passiert nichts.
mail-registered-subject = Sie haben schon ein Konto bei { $app }
mail-registered-text = Jemand, vielleicht Sie, wollte mit dieser E-Mail-Adresse ein Konto bei { $app } anlegen. Sie haben schon eines und können sich anmelden:
mail-registered-button = Anmelden
mail-registered-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail. Ihr Konto ist sicher, es hat sich nichts geändert.
mail-uninvited-subject = Neue Konten bei { $app } gibt es nur auf Einladung
mail-uninvited-text = Jemand, vielleicht Sie, wollte mit dieser E-Mail-Adresse ein Konto bei { $app } anlegen. Neue Konten gibt es nur auf Einladung, und für diese Adresse gibt es keine; es wurde kein Konto angelegt. Wenn Sie das waren, bitten Sie die Betreiber von { $app }, diese Adresse einzuladen, und beginnen Sie noch einmal.
mail-uninvited-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail. Es ist nichts geschehen.
mail-welcome-subject = Willkommen bei { $app }
mail-welcome-text = Ihr Konto bei { $app } ist bereit. Sie melden sich mit Fingerabdruck, Gesicht oder Bildschirmsperre an; ein Passwort gibt es nicht.
mail-welcome-button = { $app } öffnen
mail-welcome-ignore = Wenn Sie dieses Konto nicht erstellt haben, hat jemand einen an diese Adresse gesendeten Code eingegeben. Prüfen Sie, wer Ihre E-Mails lesen kann.
mail-recovery-text = Geben Sie diesen Code ein, um wieder Zugang zu { $app } zu bekommen und Ihr Gerät einzurichten:
mail-recovery-ignore = Wenn Sie das nicht angefordert haben, ignorieren Sie diese Mail und geben Sie den Code niemandem. Ohne ihn geschieht nichts.
mail-held-subject = Jemand möchte wieder Zugang zu Ihrem Konto bei { $app }
mail-held-text = Jemand hat einen Code eingegeben, der an diese Adresse ging, um wieder Zugang zu Ihrem Konto bei { $app } zu bekommen. Abschließen lässt sich das am { $until }. Wenn Sie das waren, kommen Sie dann wieder. Wenn nicht, brechen Sie es ab:
mail-held-button = Abbrechen
mail-held-ignore = Brechen Sie es über den Link oben ab und prüfen Sie, wer Ihre Mails lesen kann.
mail-recovered-subject = Ihr Konto bei { $app } wurde wiederhergestellt
mail-recovered-text = Jemand ist in Ihr Konto bei { $app } zurückgekehrt und hat einen neuen Passkey eingerichtet. Alle anderen Browser wurden abgemeldet. Hier sehen Sie Ihre Geräte:
mail-recovered-ignore = Kehren Sie selbst in Ihr Konto zurück, oder fragen Sie, wer { $app } betreibt. Entfernen Sie unbekannte Passkeys und prüfen Sie, wer Ihre E-Mails lesen kann.
mail-cancelled-subject = Der Zugang zu Ihrem Konto bei { $app } wurde nicht wiederhergestellt
mail-cancelled-text = Jemand wollte wieder Zugang zu Ihrem Konto bei { $app }. Das wurde abgebrochen, und nichts hat sich geändert.
mail-contested-subject = Die Rückkehr in Ihr Konto bei { $app } wurde bestritten
mail-contested-text = Jemand mit einem älteren Passkey Ihres Kontos bei { $app } hat gesagt, dass die Rückkehr nicht von ihm kam. Der neue Passkey öffnet jetzt nichts. Wenn Sie das waren, melden Sie sich mit Ihrem Passkey und einem Code an, der an diese Adresse geht:
mail-contested-button = Anmelden
mail-contested-ignore = Wenn Sie nur den neuen Passkey haben, kehren Sie noch einmal zurück: das dauert dann eine Weile, und Ihre älteren Geräte werden benachrichtigt. Oder fragen Sie, wer { $app } betreibt.
mail-tried-subject = Für Ihr Konto bei { $app } wurden viele Codes versucht
mail-tried-text = Codes, mit denen man in Ihr Konto bei { $app } zurückkehrt, wurden heute sehr oft versucht. Bis morgen sind die Codes in unseren E-Mails länger, sodass niemand sie erraten kann. Ausgesperrt wird dadurch niemand, und Ihre Passkeys funktionieren wie immer. Sie können Ihre Geräte durchsehen:
mail-tried-ignore = Wenn Sie das nicht waren, müssen Sie nichts tun. Geben Sie niemandem einen Code: Wir fragen nie danach.
mail-operator-subject = Jemand möchte wieder in Ihr Konto bei { $app }
mail-operator-text = Jemand, vielleicht Sie, hat einen Code angefordert, um wieder in Ihr Konto bei { $app } zu kommen. Sie verwalten { $app }, deshalb kommt kein Code per E-Mail. Wenn Sie das waren, lassen Sie sich von den Betreibern von { $app } oder von jemand anderem, der es verwaltet, einen Code geben. Geben Sie ihn auf der Seite ein, die danach fragt. Sie können Ihre Geräte durchsehen:
mail-operator-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail. Es ist nichts geschehen.
mail-undone-subject = Die Rückkehr in Ihr Konto bei { $app } wurde rückgängig gemacht
mail-undone-text = Jemand hat sich mit einem älteren Passkey und einem Code an diese Adresse bei Ihrem Konto mit { $app } angemeldet. Der Passkey, der für die Rückkehr erstellt wurde, ist entfernt. Sie können Ihre Geräte durchsehen:
mail-address-text = Geben Sie diesen Code ein, damit dies die E-Mail-Adresse Ihres Kontos bei { $app } wird:
mail-address-ignore = Wenn Sie das nicht angefordert haben, ignorieren Sie diese E-Mail und geben Sie den Code niemandem. Ohne ihn geschieht nichts.
mail-wanted-subject = Jemand wollte Ihre E-Mail-Adresse bei { $app } verwenden
mail-wanted-text = Jemand mit einem anderen Konto wollte dies bei { $app } zu seiner E-Mail-Adresse machen. Die Adresse gehört zu Ihrem Konto, deshalb hat sich nichts geändert. Hier sehen Sie Ihre Geräte:
mail-wanted-ignore = Wenn Sie das nicht waren, ignorieren Sie diese E-Mail. Es ist nichts geschehen.
mail-kept-subject = Diese E-Mail-Adresse ist bei { $app } für einen Tag reserviert
mail-kept-text = Jemand, vielleicht Sie, wollte diese E-Mail-Adresse bei { $app } verwenden. Sie gehörte bis vor Kurzem zu einem Konto und bleibt einen Tag für dieses reserviert, falls das rückgängig gemacht wird. Deshalb wurde nichts geändert. Wenn Sie das waren, versuchen Sie es morgen noch einmal. Wenn es Ihr Konto ist, öffnet Ihr Passkey es weiterhin:
mail-moved-away-subject = Die E-Mail-Adresse Ihres Kontos bei { $app } wurde geändert
mail-moved-away-text = Ihr Konto bei { $app } hat ab jetzt eine andere E-Mail-Adresse, und mit dieser meldet man sich dort nicht mehr an. Das wurde mit einem Passkey des Kontos bestätigt. Wenn Sie das waren, ist alles in Ordnung. Wenn nicht, machen Sie es bis { $until } rückgängig:
mail-moved-away-button = Rückgängig machen
mail-moved-away-ignore = Machen Sie die Änderung über den Link oben rückgängig. Melden Sie sich dann wieder an und entfernen Sie Passkeys, die Sie nicht kennen.
mail-restored-subject = Die Änderung Ihrer E-Mail-Adresse bei { $app } wurde rückgängig gemacht
mail-restored-text = Das Konto bei { $app } hat wieder seine frühere E-Mail-Adresse, und alle Browser wurden abgemeldet. Das geschah über den Link, den wir dorthin gesendet hatten. Hier sehen Sie die Geräte:
mail-restored-ignore = Melden Sie sich mit der früheren Adresse an oder kehren Sie mit ihr ins Konto zurück, oder fragen Sie, wer { $app } betreibt. Prüfen Sie, wer deren E-Mails lesen kann.
mail-deleted-subject = Ihr Konto bei { $app } wurde gelöscht
mail-deleted-text = Ihr Konto bei { $app } wurde gelöscht, mit seinen Passkeys und allem, was wir dazu gespeichert hatten. Das wurde mit einem Passkey des Kontos bestätigt und lässt sich nicht rückgängig machen. Was in den Apps gespeichert war, gehört nicht dazu.
mail-deleted-button = { $app } öffnen
mail-deleted-ignore = Bitten Sie, wer { $app } betreibt, um Hilfe, und prüfen Sie, wer Ihre Geräte benutzen kann.
mail-added-subject = Ihr Konto bei { $app } hat einen neuen Passkey
mail-added-text = Zu Ihrem Konto bei { $app } kam ein Passkey hinzu ({ $passkey }). Wenn Sie das waren, ist alles in Ordnung. Sonst entfernen Sie ihn auf dieser Seite:
mail-more-added-subject = Ihr Konto bei { $app } hat weitere neue Passkeys
mail-more-added-text = In den zehn Minuten nach dem Passkey, von dem wir Ihnen geschrieben haben, kamen zu Ihrem Konto bei { $app } weitere hinzu. Wenn Sie das waren, ist alles in Ordnung. Sonst entfernen Sie sie auf dieser Seite:
mail-removed-subject = Ein Passkey Ihres Kontos bei { $app } wurde entfernt
mail-removed-text = Ein Passkey ({ $passkey }) Ihres Kontos bei { $app } wurde entfernt. Mit ihm kann sich niemand mehr anmelden. Hier sehen Sie Ihre Geräte:
mail-copied-subject = Ein Passkey Ihres Kontos bei { $app } wurde vielleicht kopiert
mail-copied-text = Ein Passkey ({ $passkey }) Ihres Kontos bei { $app } wurde abgelehnt: Es sieht aus, als gäbe es ihn zweimal. Wenn Sie noch einen anderen haben, melden Sie sich damit an und entfernen Sie diesen:
mail-copied-ignore = Entfernen Sie den Passkey und richten Sie einen neuen ein.
mail-moved-subject = Ein Passkey Ihres Kontos bei { $app } ist anscheinend umgezogen
mail-moved-text = Mit einem Passkey ({ $passkey }), der anscheinend in einen anderen Passwortmanager oder auf ein anderes Gerät umgezogen ist, hat sich jemand bei Ihrem Konto bei { $app } angemeldet. Wenn Sie das waren, ist alles in Ordnung. Sonst entfernen Sie ihn auf dieser Seite:
mail-devices-button = Meine Geräte
mail-undo-ignore = Melden Sie sich auf der Seite oben an und entfernen Sie, was Sie nicht kennen. Sie fragt nach Ihrem Passkey.
mail-trial-subject = Testmail von { $app }
mail-trial-text = E-Mails von { $app } kommen an. Codes werden auf demselben Weg gesendet. Sie müssen nichts tun.
mail-trial-ignore = Wer { $app } betreibt, hat diese Adresse eingegeben, um zu sehen, ob E-Mails ankommen. Ignorieren Sie diese Mail.
