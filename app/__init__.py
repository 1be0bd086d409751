"""The app in the browser: `arranger app`.

Pages hold widgets, one call into `arranger` or `audio_ext`, and what is shown; nothing here knows music. In a wheel
this package is called `arranger_app`, so its modules import each other relatively.
"""
