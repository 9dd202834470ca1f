"""What the made-up clinic tells its patients before a visit, in its own words."""

INFUSION = {
    "en": (
        "Eat nothing for 6 hours before your appointment. Clear liquids are fine until 2 hours before.\n"
        "Take your usual medicines unless your prescriber told you otherwise.\n"
        "Bring an adult who takes you home: you cannot leave alone.\n"
        "Do not drive or use machines until the next day, after a night's sleep.\n"
        "Wear something comfortable with sleeves that roll up. Plan about two hours."
    ),
    "es": (
        "No coma nada durante las 6 horas antes de su cita. Puede tomar líquidos claros hasta 2 horas antes.\n"
        "Tome sus medicamentos de siempre, salvo que su médico le haya dicho otra cosa.\n"
        "Venga con una persona adulta que le acompañe a casa: no puede irse sin compañía.\n"
        "No conduzca ni use máquinas hasta el día siguiente, después de dormir toda la noche.\n"
        "Use ropa cómoda con mangas que se puedan subir. Calcule unas dos horas."
    ),
}
NASAL = {
    "en": (
        "Eat nothing for 2 hours and drink nothing for 30 minutes before your appointment.\n"
        "Blow your nose before we begin; use any other nasal spray at least an hour before.\n"
        "You stay with us for at least two hours afterwards.\n"
        "Bring an adult who takes you home: you cannot leave alone.\n"
        "Do not drive or use machines until the next day, after a night's sleep."
    ),
    "es": (
        "No coma durante las 2 horas ni beba durante los 30 minutos antes de su cita.\n"
        "Suénese la nariz antes de empezar; use otros aerosoles nasales al menos una hora antes.\n"
        "Después se queda con nosotros al menos dos horas.\n"
        "Venga con una persona adulta que le acompañe a casa: no puede irse sin compañía.\n"
        "No conduzca ni use máquinas hasta el día siguiente, después de dormir toda la noche."
    ),
}
